// SPDX-License-Identifier: Apache-2.0

/// The files of models that were defined at run time: each is there whole or not at all, whenever the machine stops.
struct DefinitionFiles: Sendable {
    /// The directory.
    let directory: String

    /// The path of a model's file.
    func path(of model: String) -> String { "\(directory)/\(name(of: model))" }

    /// Writes a model's file in place of what was there. A name that starts with a dot is never read as a model.
    func write(_ bytes: [UInt8], of model: String) throws(FileError) {
        try AtomicFile.write(bytes, to: name(of: model), in: directory, mode: 0o644)
    }

    /// Takes a model's file away.
    func remove(_ model: String) throws(FileError) {
        try AtomicFile.remove(name(of: model), in: directory)
    }

    private func name(of model: String) -> String { "\(model)\(ModelFiles.ending)" }
}
