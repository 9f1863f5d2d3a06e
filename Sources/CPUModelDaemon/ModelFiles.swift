// SPDX-License-Identifier: Apache-2.0

/// The model files of a list of directories, as systemd reads its own: a file hides those of the same name in later
/// directories, and a link to /dev/null, or an empty file, hides them without a replacement.
enum ModelFiles {
    private static let ending = ".cpumodel"

    /// The files in force, in order of name.
    static func inForce(_ directories: [String]) throws(FileError) -> [(name: String, bytes: [UInt8])] {
        var paths: [String: String] = [:]
        for directory in directories {
            for name in try RegularFile.names(in: directory) where name.hasSuffix(ending) && paths[name] == nil {
                paths[name] = "\(directory)/\(name)"
            }
        }
        var files: [(name: String, bytes: [UInt8])] = []
        for (_, path) in paths.sorted(by: { $0.key < $1.key }) {
            let bytes = try RegularFile.contents(of: path)
            if !bytes.isEmpty { files.append((path, bytes)) }
        }
        return files
    }
}
