// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Files that are there whole or not at all, whenever the program or the machine stops.
enum AtomicFile {
    /// Writes a file in place of what was there.
    ///
    /// The bytes are on the disk under another name before that of the file points to them, and the name is on the disk
    /// before this returns (rename(2), fsync(2)). The other name begins with a dot.
    static func write(_ bytes: [UInt8], to name: String, in directory: String, mode: mode_t) throws(FileError) {
        let path = "\(directory)/\(name)"
        let draft = "\(directory)/.\(name).\(getpid())"
        do throws(FileError) {
            try create(draft, bytes, mode)
            guard unsafe rename(draft, path) == 0 else { throw FileError(path: path, errno: errno) }
        } catch {
            _ = unsafe unlink(draft)
            throw error
        }
        try sync(directory)
    }

    /// Takes a file away; one that is not there is no error.
    static func remove(_ name: String, in directory: String) throws(FileError) {
        let path = "\(directory)/\(name)"
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw FileError(path: path, errno: errno) }
        try sync(directory)
    }

    private static func create(_ path: String, _ bytes: [UInt8], _ mode: mode_t) throws(FileError) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
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

    private static func sync(_ directory: String) throws(FileError) {
        let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw FileError(path: directory, errno: errno) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw FileError(path: directory, errno: errno) }
    }
}
