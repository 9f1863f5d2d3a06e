// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Reactor
import Systemd

/// Where events go: the journal, or standard error where there is none.
@ReactorActor
final class EventLog {
    /// Where the configuration wants them.
    var target: Configuration.LogTarget { didSet { usesJournal = Self.usesJournal(target) } }
    private var usesJournal: Bool
    private let journal = Journal()
    /// Events that nobody took, since the last that somebody did.
    private var lost = 0

    /// How many events of each kind were recorded.
    private(set) var recorded: [Event.Kind: UInt64]
    /// How many were not, as there were too many.
    private(set) var suppressed: UInt64 = 0
    private var rateLimit = EventRateLimit()
    private var isSummaryDue = false

    /// A log as the configuration wants it.
    init(_ target: Configuration.LogTarget) {
        self.target = target
        usesJournal = Self.usesJournal(target)
        recorded = Dictionary(uniqueKeysWithValues: Event.Kind.allCases.map { ($0, 0) })
    }

    private static func usesJournal(_ target: Configuration.LogTarget) -> Bool {
        switch target {
        case .auto: Journal.isAvailable
        case .journal: true
        case .stderr: false
        }
    }

    /// Records an event; one of those that anybody can cause is only counted when there are too many.
    func record(_ event: Event) {
        guard event.kind.isNoise else { return write(event) }
        if rateLimit.admits(EventRateLimit.Source(kind: event.kind, user: event.user), at: .now) {
            write(event)
        } else {
            suppressed += 1
            planSummary()
        }
    }

    /// Tells what was not recorded, without waiting until the time is over.
    func finish() { summarize(rateLimit.finishAll()) }

    private func planSummary() {
        guard !isSummaryDue else { return }
        isSummaryDue = true
        Reactor.main.schedule(after: EventRateLimit.window) { [weak self] in
            guard let self else { return }
            isSummaryDue = false
            summarize(rateLimit.finish(at: .now))
            if !rateLimit.isEmpty { planSummary() }
        }
    }

    private func summarize(_ counts: [(source: EventRateLimit.Source, count: Int)]) {
        for (source, count) in counts {
            let user = source.user.map { " of user \($0)" } ?? ""
            write(
                Event(.suppressed, "\(count) more events \(source.kind.rawValue)\(user) were not recorded.")
                    .with("CPUMODELD_SUPPRESSED", source.kind.rawValue)
                    .with("CPUMODELD_COUNT", String(count))
                    .of(user: source.user))
        }
    }

    private func write(_ event: Event) {
        recorded[event.kind, default: 0] += 1
        if lost > 0 {
            let message = "Events before this one were lost, since nobody read them: \(lost)."
            guard deliver(Event(.eventsLost, message).with("CPUMODELD_LOST", String(lost))) else { return lost += 1 }
            recorded[.eventsLost, default: 0] += 1
            lost = 0
        }
        if !deliver(event) { lost += 1 }
    }

    /// Whether the event will be read, by whomever.
    private func deliver(_ event: Event) -> Bool {
        guard usesJournal else { return writeLine(event) }
        var entry = JournalEntry(event.message, priority: event.kind.priority)
        entry.add("MESSAGE_ID", event.kind.messageID)
        entry.add("SYSLOG_IDENTIFIER", "cpumodeld")
        entry.add("CPUMODELD_EVENT", event.kind.rawValue)
        for field in event.fields { entry.add(field.name, field.value) }
        return switch journal.send(entry) {
        case .taken: true
        case .full: false
        case .absent: writeLine(event)
        }
    }

    /// One line: the message, then the fields without their common prefix.
    private func writeLine(_ event: Event) -> Bool {
        var line: [UInt8] = []
        line.reserveCapacity(512)
        func add(_ text: String) { line.append(contentsOf: text.utf8) }
        add("cpumodeld: ")
        add(event.kind.rawValue)
        add(": ")
        Self.addPrintable(event.message, to: &line)
        for (position, field) in event.fields.enumerated() {
            add(position == 0 ? " [" : " ")
            let name = field.name.description
            add(name.hasPrefix(Self.prefix) ? String(name.dropFirst(Self.prefix.count)) : name)
            add("=")
            Self.addPrintable(field.value, to: &line)
        }
        add(event.fields.isEmpty ? "\n" : "]\n")
        return Self.writeNow(line[...])
    }

    /// Writes to standard error as far as that takes it at once. Where it is closed, or its disk is full, nobody can be told.
    private static func writeNow(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe clinux_write_now(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count == -Int(EAGAIN) { return false }
            guard count > 0 else { return true }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static let prefix = "CPUMODELD_"

    /// What a client named must not move a terminal's cursor.
    private static func addPrintable(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8 { line.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
    }
}
