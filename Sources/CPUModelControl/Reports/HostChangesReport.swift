// SPDX-License-Identifier: Apache-2.0

public import JSON

/// What changed in the host, as `daemon.status` tells it when asked, for people.
public struct HostChangesReport: Report {
    private struct VM {
        let name, expression: String
        let lostForStart, obstacles: [String]

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            name = try reader.string("vm")
            expression = try reader.string("expression")
            lostForStart = try reader.strings("lostForStart")
            obstacles = try reader.strings("obstacles")
        }
    }

    private struct Changes {
        let lastSeenAt, since: Int64
        let identity, msrs, registers, capabilities: [Page.Row]
        let lost, gained: [String]
        let vms: [VM]

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            lastSeenAt = try reader.integer("lastSeenAt")
            since = try reader.integer("since")
            lost = try reader.strings("lost")
            gained = try reader.strings("gained")
            identity = try Self.rows("identity", &reader) { (change) throws(JSONShapeError) in
                try change.string("what")
            }
            msrs = try Self.rows("msrs", &reader) { (change) throws(JSONShapeError) in try change.string("msr") }
            registers = try Self.rows("registers", &reader) { (change) throws(JSONShapeError) in
                let entry = entryName(leaf: try change.hex32("leaf"), subleaf: try change.hex32("subleaf"))
                return "\(entry) \(try change.string("register"))"
            }
            capabilities = try Self.rows("capabilities", &reader) { (change) throws(JSONShapeError) in
                try change.string("name")
            }
            vms = try reader.objects("vms") { (vm) throws(JSONShapeError) in try VM(reading: &vm) }
        }

        private static func rows(
            _ key: String, _ reader: inout ObjectReader,
            label: (inout ObjectReader) throws(JSONShapeError) -> String
        ) throws(JSONShapeError) -> [Page.Row] {
            try reader.objects(key) { (change) throws(JSONShapeError) in
                let (before, now) = (text(change.value("before")), text(change.value("now")))
                return .init(try label(&change), "\(now), before \(before)")
            }
        }

        private static func text(_ value: JSONValue?) -> String {
            switch value {
            case .string(let text): text
            case .integer(let number): "\(number)"
            default: "nothing"
            }
        }
    }

    private let changes: Changes?

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        if var changes = try reader.optionalObject("hostChanges") {
            self.changes = try Changes(reading: &changes)
        } else {
            changes = nil
        }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        guard let changes else {
            return page.sentence("This host has not changed since the daemon first ran here and kept a record of it.")
        }
        let ago = elapsed(seconds: page.style.now - changes.since)
        page.title("This host changed before \(dateAndTime(changes.since)), \(ago) ago")
        page.rows([.init("as it was until", dateAndTime(changes.lastSeenAt))] + changes.identity)
        write(changes.lost, "that guests cannot have any more", to: &page)
        write(changes.gained, "that guests can have since", to: &page)
        write(changes.msrs, "Feature MSRs", to: &page)
        write(changes.registers, "Other registers of KVM_GET_SUPPORTED_CPUID", to: &page)
        write(changes.capabilities, "KVM capabilities", to: &page)
        write(changes.vms, to: &page)
    }

    private func write(_ features: [String], _ title: String, to page: inout Page) {
        guard !features.isEmpty else { return }
        page.title("\(counted(features.count, "feature")) \(title)")
        page.features(features)
    }

    private func write(_ rows: [Page.Row], _ title: String, to page: inout Page) {
        guard !rows.isEmpty else { return }
        page.title(title)
        page.rows(rows)
    }

    private func write(_ vms: [VM], to page: inout Page) {
        let stuck = vms.filter { !$0.lostForStart.isEmpty }
        if !stuck.isEmpty {
            page.title("Cannot be started here again as they are: \(counted(stuck.count, "VM"))")
            page.rows(stuck.map { .init("\($0.name) (\($0.expression))", words: ["lacks"] + $0.lostForStart) })
        }
        let barred = vms.filter { !$0.obstacles.isEmpty }
        guard !barred.isEmpty else { return }
        page.title("Cannot be brought here any more with their CPU: \(counted(barred.count, "VM"))")
        for vm in barred {
            page.line("  \(vm.name) (\(vm.expression))")
            page.rows(vm.obstacles.map { .init("-", $0) }, indent: 4)
        }
    }
}
