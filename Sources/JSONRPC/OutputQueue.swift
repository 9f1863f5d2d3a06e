// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import Reactor

/// What is to be sent and has not been: bytes, and descriptors that go with certain of them.
struct OutputQueue {
    /// Bytes, whose first one carries the descriptors.
    private struct Chunk {
        var bytes: [UInt8]
        var sent = 0
        var descriptors: ArraySlice<SharedDescriptor>
    }

    /// Small messages are joined up to this size, so that one call sends them.
    private static let joinedSize = 64 * 1024

    private var chunks: [Chunk] = []

    /// Bytes that have not been sent.
    private(set) var byteCount = 0

    var isEmpty: Bool { chunks.isEmpty }

    /// Adds a message. The descriptors stay open until they are sent.
    mutating func append(_ bytes: [UInt8], descriptors: [SharedDescriptor] = []) {
        byteCount += bytes.count
        if descriptors.isEmpty, let last = chunks.indices.last, chunks[last].descriptors.isEmpty,
            chunks[last].bytes.count + bytes.count <= Self.joinedSize
        {
            chunks[last].bytes.append(contentsOf: bytes)
        } else {
            chunks.append(Chunk(bytes: bytes, descriptors: descriptors[...]))
        }
    }

    /// Sends as much as the socket takes. What is left waits for the socket to be writable.
    mutating func flush(to socket: CInt) throws(SystemError) {
        var done = 0
        // One removal for all: a queue of many small calls would be moved once for each.
        defer { chunks.removeFirst(done) }
        while done < chunks.count {
            guard try Self.send(&chunks[done], to: socket, left: &byteCount) else { return }
            done += 1
        }
    }

    /// Sends a chunk; `false` when the socket takes no more for now.
    private static func send(_ chunk: inout Chunk, to socket: CInt, left: inout Int) throws(SystemError) -> Bool {
        while chunk.sent < chunk.bytes.count {
            let descriptors = chunk.descriptors.prefix(CLINUX_MAX_DESCRIPTORS)
            let numbers = descriptors.map(\.number)
            // More descriptors than one message carries: a byte for each load, and the rest of the line with the last.
            let isLast = descriptors.count == chunk.descriptors.count
            let length = isLast ? chunk.bytes.count - chunk.sent : 1
            let result = unsafe chunk.bytes.span.extracting(chunk.sent..<chunk.sent + length).withUnsafeBytes { bytes in
                // Both pointers are valid for the call, with the lengths given.
                unsafe clinux_send(socket, bytes.baseAddress, bytes.count, numbers, numbers.count)
            }
            if result == -Int(EAGAIN) { return false }
            guard result >= 0 else { throw SystemError(errno: CInt(-result), operation: "sendmsg") }
            // The kernel takes the descriptors with the first byte, so they must not go again with the rest.
            chunk.descriptors = chunk.descriptors.dropFirst(descriptors.count)
            chunk.sent += result
            left -= result
        }
        return true
    }
}
