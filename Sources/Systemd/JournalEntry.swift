// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc

/// One entry of the journal: fields with upper-case names, among them MESSAGE and PRIORITY (systemd.journal-fields(7)).
public struct JournalEntry: Sendable {
    /// How serious an entry is, as syslog(3) counts.
    public enum Priority: Int, Sendable {
        case error = 3
        case warning = 4
        case notice = 5
        case info = 6
        case debug = 7
    }

    /// Values are cut here: what a client may name itself must not fill the journal.
    public static let maximumValueLength = 4096

    private var lines: [[UInt8]]

    /// An entry with a message.
    public init(_ message: String, priority: Priority) {
        lines = []
        add("MESSAGE", message)
        add("PRIORITY", String(priority.rawValue))
    }

    /// Adds a field. The name is ours, never a client's.
    public mutating func add(_ name: StaticString, _ value: String) {
        var line = Array("\(name)=".utf8)
        if value.utf8.count <= Self.maximumValueLength {
            line += value.utf8
        } else {
            // A character that is cut in two would make journald take the value for no text.
            line += String(decoding: value.utf8.prefix(Self.maximumValueLength), as: UTF8.self).utf8
        }
        lines.append(line)
    }

    /// Hands the entry to journald. Returns whether journald took it.
    @discardableResult
    public func send() -> Bool {
        let starts = lines.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        var bytes = lines.flatMap { $0 }
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            let vectors = unsafe zip(starts, starts.dropFirst()).map { start, end in
                unsafe iovec(iov_base: buffer.baseAddress.map { unsafe $0 + start }, iov_len: end - start)
            }
            return unsafe sd_journal_sendv(vectors, CInt(vectors.count))
        }
        return result == 0
    }

    /// Whether a journald is here to talk to.
    public static var isAvailable: Bool { unsafe access("/run/systemd/journal/socket", W_OK) == 0 }
}
