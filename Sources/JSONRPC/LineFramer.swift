// SPDX-License-Identifier: Apache-2.0

/// A line grew longer than the limit.
public struct LineTooLong: Error, Hashable, Sendable {
    /// The limit in bytes, without the line feed.
    public let limit: Int

    /// An error about this limit.
    public init(limit: Int) { self.limit = limit }
}

/// Cuts a stream of bytes into lines.
///
/// Every byte is looked at once for the line feed and moved at most a few times, however the stream was cut.
/// The memory is that of the longest line: it starts small, grows by doubling, and goes back after a long line.
public struct LineFramer: Sendable {
    /// The memory of a connection that is idle: 1000 of them are 4 MB.
    private static let initialCapacity = 4096

    /// What is kept for the next line without asking the allocator again.
    private static let keptCapacity = 64 * 1024

    /// The most bytes that a line may have, without the line feed.
    public let limit: Int

    /// Bytes `start..<end` are waiting, `start..<scanned` are known to have no line feed; the rest is free.
    private var buffer: [UInt8] = []
    private var start = 0
    private var scanned = 0
    private var end = 0

    /// A framer of lines of at most this many bytes.
    public init(limit: Int) {
        self.limit = limit
    }

    /// Whether no bytes are left. Those that are after ``nextLine()`` gave `nil` are an unfinished line.
    public var isEmpty: Bool { start == end }

    /// Bytes of memory in use.
    var memory: Int { buffer.count }

    /// Takes the next complete line out, without its line feed; `nil` when there is none.
    ///
    /// The slice shares the framer's memory: let go of it before the next bytes come, or they are copied.
    public mutating func nextLine() throws(LineTooLong) -> ArraySlice<UInt8>? {
        guard let lineFeed = buffer[scanned..<end].firstIndex(of: UInt8(ascii: "\n")) else {
            scanned = end
            if end - start > limit { throw LineTooLong(limit: limit) }
            return nil
        }
        if lineFeed - start > limit { throw LineTooLong(limit: limit) }
        let line = buffer[start..<lineFeed]
        start = lineFeed + 1
        scanned = start
        return line
    }

    /// Adds bytes.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        var rest = bytes[...]
        while !rest.isEmpty {
            makeRoom()
            let piece = rest.prefix(buffer.count - end)
            buffer.replaceSubrange(end..<end + piece.count, with: piece)
            end += piece.count
            rest = rest.dropFirst(piece.count)
        }
    }

    /// Lets `read` fill the free memory; it returns how many bytes it has put there, from the first on.
    ///
    /// - Returns: whether all the room was used, so that there is likely more to read.
    mutating func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Bool {
        makeRoom()
        let room = buffer.count - end
        let count = unsafe buffer.withUnsafeMutableBytes { memory in
            unsafe read(UnsafeMutableRawBufferPointer(rebasing: memory[end...]))
        }
        end += count
        return count == room
    }

    /// Gives the memory of a long line back, when nothing is left of it.
    mutating func trim() {
        guard isEmpty else { return }
        (start, scanned, end) = (0, 0, 0)
        if buffer.count > Self.keptCapacity { buffer = [] }
    }

    /// Makes sure that at least one byte is free.
    private mutating func makeRoom() {
        trim()
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.initialCapacity) }
        guard end == buffer.count else { return }
        if start > 0 {
            // What is left is the start of one line, so it is moved this once.
            buffer.removeSubrange(..<start)
            buffer.append(contentsOf: repeatElement(0, count: start))
            (start, scanned, end) = (0, scanned - start, end - start)
        } else {
            buffer.append(contentsOf: repeatElement(0, count: buffer.count))
        }
    }
}
