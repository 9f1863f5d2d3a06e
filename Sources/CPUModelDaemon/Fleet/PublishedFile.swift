// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file for other programs to read, which they find whole or as it was before, at any time.
///
/// It need not survive a crash of the machine, as it is written anew at every start.
enum PublishedFile {
    /// Puts a text in the place of what was there. The draft is a dot file beside it, which node_exporter and
    /// node-feature-discovery leave alone.
    static func write(_ text: String, to path: String) throws(FileError) {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let draft = "\(path[..<slash]).\(path[slash...]).\(getpid())"
        do throws(FileError) {
            try create(draft, Array(text.utf8))
            guard unsafe rename(draft, path) == 0 else { throw FileError(path: path, errno: errno, isWriting: true) }
        } catch {
            _ = unsafe unlink(draft)
            throw error
        }
    }

    /// Takes the file away, if it is there.
    static func remove(_ path: String) { _ = unsafe unlink(path) }

    private static func create(_ path: String, _ bytes: [UInt8]) throws(FileError) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else { throw FileError(path: path, errno: errno, isWriting: true) }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path: path, errno: errno, isWriting: true) }
            rest = rest.dropFirst(count)
        }
        // Others are to read it, whatever the umask is.
        guard fchmod(file, 0o644) == 0 else { throw FileError(path: path, errno: errno, isWriting: true) }
    }
}
