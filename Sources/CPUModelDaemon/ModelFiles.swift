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

    /// The catalog of all that is right in the files in force.
    ///
    /// A file that is wrong still hides those of its name in later directories: whoever put it there did not want those.
    static func catalog(of sources: [Source]) -> ModelCatalog {
        var unreadable: [RefusedModelFile] = []
        func orRefused<Value>(_ read: () throws(FileError) -> Value) -> Value? {
            do throws(FileError) {
                return try read()
            } catch {
                unreadable.append(RefusedModelFile(path: error.path, unreadable: error.problem))
                return nil
            }
        }

        var found: [String: Source] = [:]
        for source in sources {
            let names = orRefused { () throws(FileError) in try RegularFile.names(in: source.directory) } ?? []
            for name in names where name.hasSuffix(ending) && !name.hasPrefix(".") && found[name] == nil {
                found[name] = source
            }
        }
        var files: [ModelFile] = []
        for (name, source) in found.sorted(by: { $0.key < $1.key }) {
            let path = "\(source.directory)/\(name)"
            let bytes = orRefused { () throws(FileError) in try RegularFile.contents(of: path) }
            guard let bytes, !bytes.isEmpty else { continue }
            files.append(ModelFile(path: path, bytes: bytes, origin: source.origin))
        }
        return ModelCatalog(whatIsRightOf: files, unreadable: unreadable)
    }
}
