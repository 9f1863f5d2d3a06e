// SPDX-License-Identifier: Apache-2.0

/// The files that make the configuration, as systemd finds its own ("Configuration Directories and Precedence", for example
/// in systemd-system.conf(5)).
///
/// The main file is read first, then the drop-ins by name: what is read later counts. A drop-in hides those of the same name
/// in later directories, and one that is empty or a link to /dev/null hides them without a replacement.
public struct ConfigurationFiles: Sendable, Hashable {
    /// Candidates for the main file; the first that is there is read.
    private let mains: [String]
    /// Whether one of them must be there.
    private let needsMain: Bool
    /// Directories of drop-ins, those first that hide others.
    private let dropIns: [String]

    /// Where they are on a host that is set up as usual.
    public static let usual = ConfigurationFiles(
        in: ["/etc/cpumodeld", "/run/cpumodeld", "/usr/local/lib/cpumodeld", "/usr/lib/cpumodeld"])

    /// `cpumodeld.conf` and `cpumodeld.conf.d` of these directories, those first that hide others. All may be missing.
    init(in directories: [String]) {
        mains = directories.map { "\($0)/cpumodeld.conf" }
        needsMain = false
        dropIns = mains.map { "\($0).d" }
    }

    /// One file, which must be there, and the drop-ins in the directory of its name with `.d` behind it.
    public init(path: String) {
        mains = [path]
        needsMain = true
        dropIns = ["\(path).d"]
    }

    /// The files in the order in which they are read.
    func inForce() throws(FileError) -> [String] {
        let main = needsMain ? mains.first : mains.first(where: RegularFile.exists)
        var directories: [String: String] = [:]
        for directory in dropIns {
            for name in try RegularFile.names(in: directory)
            where name.hasSuffix(".conf") && !name.hasPrefix(".") && directories[name] == nil {
                directories[name] = directory
            }
        }
        let sorted = directories.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return [main].compactMap(\.self) + sorted.map { "\($0.value)/\($0.key)" }
    }
}
