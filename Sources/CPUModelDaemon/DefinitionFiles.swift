// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The files of models that were defined at run time: each is there whole or not at all, whenever the machine stops.
struct DefinitionFiles: Sendable {
    /// The directory.
    let directory: String

    /// The path of a model's file.
    func path(of model: String) -> String { "\(directory)/\(model)\(ModelFiles.ending)" }

    /// Writes a model's file in place of what was there.
    ///
    /// The bytes are on the disk under another name before that of the model points to them, and the name is on the disk before
    /// this returns (rename(2), fsync(2)).
    func write(_ bytes: [UInt8], of model: String) throws(FileError) {
        let path = path(of: model)
        // A name that starts with a dot is never read as a model.
        let draft = "\(directory)/.\(model).\(getpid())"
        do throws(FileError) {
            try create(draft, bytes)
            guard unsafe rename(draft, path) == 0 else { throw FileError(path: path, errno: errno) }
        } catch {
            _ = unsafe unlink(draft)
            throw error
        }
        try syncDirectory()
    }

    /// Takes a model's file away.
    func remove(_ model: String) throws(FileError) {
        let path = path(of: model)
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw FileError(path: path, errno: errno) }
        try syncDirectory()
    }

    private func create(_ path: String, _ bytes: [UInt8]) throws(FileError) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else { throw FileError(path: path, errno: errno) }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path: path, errno: errno) }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else { throw FileError(path: path, errno: errno) }
    }

    private func syncDirectory() throws(FileError) {
        let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw FileError(path: directory, errno: errno) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw FileError(path: directory, errno: errno) }
    }
}
