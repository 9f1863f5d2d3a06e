// SPDX-License-Identifier: Apache-2.0

/// The configuration file of the daemon.
public struct ConfigurationFile: Sendable {
    private let path: String
    private let isOptional: Bool

    /// The file at a path. An optional one may be missing.
    public init(path: String, isOptional: Bool) {
        self.path = path
        self.isOptional = isOptional
    }

    /// The configuration that it makes.
    public func read() throws -> Configuration {
        var configuration = Configuration()
        if isOptional, !RegularFile.exists(path) { return configuration }
        try configuration.read(RegularFile.contents(of: path), file: path)
        return configuration
    }
}
