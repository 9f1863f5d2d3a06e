// SPDX-License-Identifier: Apache-2.0

import CPUModels

/// The model files of a list of directories, as systemd reads its own: a file hides those of the same name in later
/// directories, and a link to /dev/null, or an empty file, hides them without a replacement.
enum ModelFiles {
    /// How the names of model files end.
    static let ending = ".cpumodel"

    /// A place where model files are, and who answers for them.
    struct Source: Sendable {
        let directory: String
        let origin: ModelFile.Origin
    }

    /// The files in force, in order of name.
    static func inForce(_ sources: [Source]) throws(FileError) -> [ModelFile] {
        var found: [String: Source] = [:]
        for source in sources {
            for name in try RegularFile.names(in: source.directory)
            where name.hasSuffix(ending) && !name.hasPrefix(".") && found[name] == nil {
                found[name] = source
            }
        }
        var files: [ModelFile] = []
        for (name, source) in found.sorted(by: { $0.key < $1.key }) {
            let path = "\(source.directory)/\(name)"
            let bytes = try RegularFile.contents(of: path)
            if !bytes.isEmpty { files.append(ModelFile(path: path, bytes: bytes, origin: source.origin)) }
        }
        return files
    }
}
