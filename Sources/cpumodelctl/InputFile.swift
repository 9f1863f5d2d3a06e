// SPDX-License-Identifier: Apache-2.0

import CPUModelControl
import Glibc

/// A file that the command line names.
struct InputFile {
    /// As it was given; `-` is standard input.
    let path: String

    /// What a path leads to.
    enum Kind {
        /// Something to be read: a regular file, or a pipe.
        case file
        case directory
        case nothing
    }

    /// No file that this program takes is longer.
    private static let maximumBytes = 8 << 20

    /// What the path leads to, symbolic links followed.
    var kind: Kind {
        var status = stat()
        // The path is read, and the structure written, only during the call.
        guard unsafe stat(path, &status) == 0 else { return .nothing }
        return status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
    }

    /// The regular files in the directory, by name.
    func files() throws -> [InputFile] {
        let base = path.hasSuffix("/") ? path : path + "/"
        return try names().map { InputFile(path: base + $0) }.filter(\.isRegular)
    }

    /// What a path can be continued to, hidden files left out. Directories end with `/`.
    static func paths(beginningWith word: String) -> [String] {
        let base = word.lastIndex(of: "/").map { word[...$0] } ?? ""
        let start = word.dropFirst(base.count)
        let names = (try? InputFile(path: base.isEmpty ? "." : String(base)).names()) ?? []
        return names.filter { $0.hasPrefix(start) && !$0.hasPrefix(".") }.map { name in
            let path = String(base + name)
            return InputFile(path: path).kind == .directory ? path + "/" : path
        }
    }

    /// The names of everything in the directory, in order.
    private func names() throws -> [String] {
        // The stream belongs to this call.
        guard let directory = unsafe opendir(path) else { throw failure("cannot list") }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        errno = 0
        // The entry is valid until the next one is read; its name, which ends with NUL, is copied before that.
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
            errno = 0
        }
        guard errno == 0 else { throw failure("cannot list") }
        return names.sorted()
    }

    /// What is in the file.
    func bytes() throws -> [UInt8] {
        // The path is read only during the call.
        let descriptor = path == "-" ? dup(STDIN_FILENO) : unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot open") }
        defer { close(descriptor) }
        let chunkSize = 1 << 16
        var bytes: [UInt8] = []
        while bytes.count <= Self.maximumBytes {
            var count = 0
            // read(2) fills the chunk's own memory, and says how much of it.
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: chunkSize) { buffer, initialized in
                count = unsafe read(descriptor, buffer.baseAddress, chunkSize)
                initialized = max(count, 0)
            }
            if count == 0 { return bytes }
            if count < 0, errno != EINTR { throw failure("cannot read") }
            bytes += chunk
        }
        throw Failure(
            status: .usage, message: "\(name) has more than \(Self.maximumBytes >> 20) MiB, which no such file needs")
    }

    /// What is in the file, which is in UTF-8.
    func text() throws -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else {
            throw Failure(status: .usage, message: "\(name) is not in UTF-8")
        }
        return text
    }

    /// What messages call it.
    var name: String { path == "-" ? "standard input" : path }

    private var isRegular: Bool {
        var status = stat()
        // The path is read, and the structure written, only during the call.
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private func failure(_ verb: String) -> Failure {
        // Copied before another call could change it.
        let reason = unsafe String(cString: strerror(errno))
        return Failure(status: .usage, message: "\(verb) \(name): \(reason)")
    }
}
