// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file or directory that cannot be read, or written.
struct FileError: Error, Sendable, CustomStringConvertible {
    let path: String
    let errno: CInt
    var isWriting = false

    var description: String { "\(problem)." }

    /// What is wrong, as a sentence without full stop.
    var problem: String {
        "\(path) cannot be \(isWriting ? "written" : "read"): \(unsafe String(cString: strerror(errno)))"
    }
}

/// Small files, read whole.
enum RegularFile {
    /// Larger files are refused where nothing else is said: nothing that an administrator writes comes near.
    static let maximumSize = 1 << 20

    /// Whether there is anything at a path, readable or not.
    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 || errno != ENOENT }

    /// All bytes of a file.
    static func contents(of path: String, atMost maximumSize: Int = maximumSize) throws(FileError) -> [UInt8] {
        // A FIFO in the place of a file must not stop the daemon.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw FileError(path: path, errno: errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = unsafe Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path: path, errno: errno) }
            guard count > 0 else { return bytes }
            bytes += chunk.prefix(count)
            guard bytes.count <= maximumSize else { throw FileError(path: path, errno: EFBIG) }
        }
    }

    /// The names in a directory; none where it does not exist and may be missing.
    static func names(in directory: String, mayBeMissing: Bool = true) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(directory) else {
            if errno == ENOENT, mayBeMissing { return [] }
            throw FileError(path: directory, errno: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            names.append(
                unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }
}
