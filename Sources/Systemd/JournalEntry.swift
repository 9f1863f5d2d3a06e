// SPDX-License-Identifier: Apache-2.0

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

    /// As a datagram of systemd's "Native Journal Protocol".
    private(set) var bytes: [UInt8] = []

    /// An entry with a message.
    public init(_ message: String, priority: Priority) {
        add("MESSAGE", message)
        add("PRIORITY", String(priority.rawValue))
    }

    /// Adds a field. The name is ours, never a client's.
    public mutating func add(_ name: StaticString, _ value: String) {
        // A character that is cut in two would make journald take the value for no text.
        let value = Array(
            value.utf8.count <= Self.maximumValueLength
                ? value.utf8
                : String(decoding: value.utf8.prefix(Self.maximumValueLength), as: UTF8.self).utf8)
        bytes += "\(name)".utf8
        if value.contains(UInt8(ascii: "\n")) {
            // A line feed in a value would begin another field; so the length stands before it, 64 bits, little endian.
            bytes.append(UInt8(ascii: "\n"))
            let length = UInt64(value.count)
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value
        bytes.append(UInt8(ascii: "\n"))
    }
}
