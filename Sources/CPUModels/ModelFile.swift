// SPDX-License-Identifier: Apache-2.0

/// A file of CPU models that is yet to be read.
public struct ModelFile: Sendable, Hashable {
    /// Who answers for what the file says.
    public enum Origin: String, Sendable, Hashable, CaseIterable {
        /// It came with the program.
        case shipped
        /// An administrator put it where the program looks for models.
        case administrator
        /// It was written for a model that was defined at run time.
        case runtime

        /// Of two files that claim a name, the one with the lower number keeps it.
        var precedence: Int {
            switch self {
            case .shipped: 0
            case .administrator: 1
            case .runtime: 2
            }
        }
    }

    /// The file, as messages name it; the only one of that path in a catalog.
    public let path: String
    /// What the file contains.
    public let bytes: [UInt8]
    /// Who answers for it.
    public let origin: Origin

    /// A file.
    public init(path: String, bytes: [UInt8], origin: Origin = .shipped) {
        self.path = path
        self.bytes = bytes
        self.origin = origin
    }
}
