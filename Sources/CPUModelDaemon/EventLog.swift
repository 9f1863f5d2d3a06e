// SPDX-License-Identifier: Apache-2.0

import Glibc
import Reactor
import Systemd

/// Where events go: the journal, or standard error where there is none.
@ReactorActor
final class EventLog {
    /// Where the configuration wants them.
    var target: Configuration.LogTarget { didSet { usesJournal = Self.usesJournal(target) } }
    private var usesJournal: Bool

    /// A log as the configuration wants it.
    init(_ target: Configuration.LogTarget) {
        self.target = target
        usesJournal = Self.usesJournal(target)
    }

    private static func usesJournal(_ target: Configuration.LogTarget) -> Bool {
        switch target {
        case .auto: JournalEntry.isAvailable
        case .journal: true
        case .stderr: false
        }
    }

    /// Records an event.
    func record(_ event: Event) {
        if usesJournal {
            var entry = JournalEntry(event.message, priority: event.kind.priority)
            entry.add("MESSAGE_ID", event.kind.messageID)
            entry.add("SYSLOG_IDENTIFIER", "cpumodeld")
            entry.add("CPUMODELD_EVENT", event.kind.rawValue)
            for field in event.fields { entry.add(field.name, field.value) }
            if entry.send() { return }
        }
        write(event)
    }

    /// One line: the message, then the fields without their common prefix.
    private func write(_ event: Event) {
        var line = "cpumodeld: \(event.kind.rawValue): \(Self.printable(event.message))"
        let prefix = "CPUMODELD_"
        if !event.fields.isEmpty {
            let fields = event.fields.map { name, value in
                let name = "\(name)"
                let short = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
                return "\(short)=\(Self.printable(value))"
            }
            line += " [\(fields.joined(separator: " "))]"
        }
        line += "\n"
        var bytes = Array(line.utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, &bytes, bytes.count)
    }

    /// What a client named must not move a terminal's cursor.
    private static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }
}
