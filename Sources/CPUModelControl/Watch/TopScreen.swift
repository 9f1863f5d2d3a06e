// SPDX-License-Identifier: Apache-2.0

/// What `cpumodelctl top` shows: the VMs, a line each, as many as fit.
public struct TopScreen: Sendable {
    /// How to write.
    public var style: OutputStyle
    /// Columns of the terminal, however few.
    public var width: Int
    /// Rows of the terminal.
    public var height: Int
    /// The first VM that is shown, by its place among all.
    public private(set) var first = 0

    /// A screen of this size.
    public init(style: OutputStyle, width: Int, height: Int) {
        self.style = style
        self.width = width
        self.height = height
    }

    /// Rows that are left for VMs: beside them are the headline, the headings, and the line at the bottom.
    var room: Int { max(height - 3, 1) }

    /// Shows VMs farther down, or up.
    public mutating func scroll(by count: Int, of fleet: Fleet) {
        first = max(0, min(first + count, fleet.vms.count - room))
    }

    /// Goes to the first VM, or to the last.
    public mutating func scroll(toEnd isEnd: Bool, of fleet: Fleet) {
        scroll(by: isEnd ? fleet.vms.count : -fleet.vms.count, of: fleet)
    }

    /// How many VMs a page has.
    public var page: Int { room }

    /// The lines of the screen, exactly as many as it has rows, none wider than it is.
    ///
    /// - Parameter now: the time by the clock that the fleet's events were taken in by.
    public func lines(_ fleet: Fleet, now: Int64) -> [String] {
        let names = fleet.vms.keys.sorted()
        let start = max(0, min(first, names.count - room))
        let shown = names.dropFirst(start).prefix(room)
        let rows = shown.compactMap { name in fleet.vms[name].map { row(name, $0, now: now) } }
        var lines = [style.tinted(cut(headline(fleet, from: start, count: shown.count)), .bold)]
        lines += table(rows)
        if fleet.vms.isEmpty { lines.append(cut("No VM is registered.")) }
        lines = Array(lines.prefix(max(height - 1, 1)))
        lines += Array(repeating: "", count: max(0, height - 1 - lines.count))
        if height > 1 {
            lines.append(style.tinted(cut(fleet.lastEvent ?? "q quit   j k up down   space page"), .faint))
        }
        return lines
    }

    private func headline(_ fleet: Fleet, from start: Int, count: Int) -> String {
        let all = fleet.vms.values
        var parts = [counted(all.count, "VM"), counted(all.reduce(0) { $0 + $1.vcpuCount }, "vCPU")]
        let altered = all.count { $0.verdict == "altered" }
        if altered > 0 { parts.append("\(altered) altered") }
        let drifted = all.count(where: \.isDrifted)
        if drifted > 0 { parts.append("\(drifted) drifted") }
        if count < all.count { parts.append("showing \(start + 1)-\(start + count)") }
        return "cpumodeld  \(dateAndTime(style.now))  " + parts.joined(separator: ", ")
    }

    // MARK: Rows

    private static let headings = ["VM", "VCPUS", "VERDICT", "RUNTIME", "SOURCE", "AGE", "MODEL"]

    private func row(_ name: String, _ vm: Fleet.VM, now: Int64) -> [Cell] {
        let values = vm.fields.values.flatMap(\.values)
        // The worst that any value comes from, and the oldest.
        let source = ["record", "run-page", "kernel"].first { source in values.contains { $0.source == source } }
        let oldest: Int64? = values.reduce(Int64.max as Int64?) { oldest, value in
            oldest.flatMap { oldest in value.readAt.map { min(oldest, $0) } }
        }
        let verdict = vm.isDrifted ? Cell("drifted", .red) : Cell(vm.verdict, tint(forVerdict: vm.verdict))
        return [
            Cell(name), "\(vm.vcpuCount)", verdict, Cell(runtime(vm)), Cell(source ?? "-"),
            Cell(values.isEmpty ? "-" : age(milliseconds: oldest.map { now - $0 })),
            Cell(vm.model + (vm.isConsistent ? "" : " (vCPUs differ)")),
        ]
    }

    /// `osxsave apic`, `osxsave 3/4` where some vCPUs have it, `ospke?` where that cannot be told.
    private func runtime(_ vm: Fleet.VM) -> String {
        let words = vm.fields.keys.sorted().compactMap { field -> String? in
            let values = Array(vm.fields[field, default: [:]].values)
            if values.contains(where: \.isUncertain) { return field + "?" }
            let count = values.count(where: \.isOn)
            if count == 0 { return nil }
            return count == values.count ? field : "\(field) \(count)/\(values.count)"
        }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }

    private func table(_ rows: [[Cell]]) -> [String] {
        guard !rows.isEmpty else { return [] }
        let widths = Self.headings.indices.map { column in
            max(Self.headings[column].count, rows.map { $0[column].text.count }.max() ?? 0)
        }
        return [line(Self.headings.map { Cell($0, .bold) }, widths)] + rows.map { line($0, widths) }
    }

    /// A row, cut at the screen's edge before it is coloured: half an escape sequence would colour the rest.
    private func line(_ row: [Cell], _ widths: [Int]) -> String {
        var line = ""
        var rest = self.width
        for (cell, width) in zip(row, widths) {
            guard rest > 0 else { break }
            let text = String(padded(cell.text, to: width).prefix(rest))
            line += style.tinted(text, cell.tint)
            rest -= text.count
            let gap = min(2, rest)
            line += String(repeating: " ", count: gap)
            rest -= gap
        }
        return line
    }

    private func cut(_ text: String) -> String { String(text.prefix(width)) }
}
