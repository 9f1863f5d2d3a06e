// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A directory that goes with the value.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/cpumodeld-test-XXXXXX".utf8CString)
        path = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) } ?? ""
        }
        precondition(!path.isEmpty)
    }

    deinit { remove(path) }

    /// Writes a file, with the directories above it, and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) -> String {
        let file = makeParents(of: name)
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        precondition(descriptor >= 0)
        let bytes = Array(text.utf8)
        precondition(unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        return file
    }

    /// Makes a symbolic link, with the directories above it.
    func link(_ name: String, to target: String) {
        precondition(unsafe symlink(target, makeParents(of: name)) == 0)
    }

    private func makeParents(of name: String) -> String {
        var parent = path
        let parts = name.split(separator: "/")
        for part in parts.dropLast() {
            parent += "/\(part)"
            _ = unsafe mkdir(parent, 0o755)
        }
        return "\(parent)/\(parts[parts.count - 1])"
    }

    private func remove(_ path: String) {
        if let stream = unsafe opendir(path) {
            var names: [String] = []
            while let entry = unsafe readdir(stream) {
                names.append(
                    unsafe withUnsafeBytes(of: entry.pointee.d_name) {
                        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                    })
            }
            unsafe closedir(stream)
            for name in names where name != "." && name != ".." {
                // A link to a directory is removed, and not what it leads to.
                if unsafe unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
            }
        }
        _ = unsafe rmdir(path)
    }
}
