// SPDX-License-Identifier: Apache-2.0

import X86CPU

extension CPUDump {
    /// Reads a dump that is lines of text, as `cpuid -r`, AIDA64, InstLatx64 and libcpuid write them.
    static func read(text bytes: [UInt8], name: String) throws(FormatError) -> CPUDump {
        // Not checked for UTF-8: registers are printed with their characters beside them, in any encoding.
        if let offset = bytes.firstIndex(of: 0) {
            throw FormatError(.unrecognized, file: name, bytes: bytes, offset: offset, "the text contains a NUL byte")
        }
        var reader = TextDumpReader(name: name)
        for line in TextLines(bytes) { try reader.read(line) }
        return try reader.dump()
    }
}

/// One pass over a text dump.
///
/// All these programs write a header for each CPU, then one line for each leaf, and between them whatever they like:
/// what is neither header nor row is skipped, but a line that begins like a row must be one.
private struct TextDumpReader {
    private let name: String
    private var format: CPUDump.Format?
    private var cpus: [CPUDump.CPU] = []
    private var current = DumpTable()
    private var number = 0
    private var msrs: [UInt32: UInt64] = [:]
    private var contradictions = 0
    private var firstContradiction = 0

    init(name: String) { self.name = name }

    mutating func read(_ line: TextLine) throws(FormatError) {
        guard line.bytes.count <= FormatLimits.lineBytes else {
            throw FormatError(
                .limit, file: name, line: line.number, "the line has more than \(FormatLimits.lineBytes) bytes")
        }
        var cursor = line
        cursor.skipSpace()
        if let row = try TextDumpRow(cursor, file: name) {
            try add(row, line)
        } else if let header = CPUHeader(cursor) {
            try startCPU(header.number ?? cpus.count)
        }
    }

    mutating func dump() throws(FormatError) -> CPUDump {
        try endCPU()
        guard let format else {
            throw FormatError(
                .unrecognized, file: name,
                "there is no line that \"cpuid -r\", AIDA64, InstLatx64 or libcpuid would write, and the text is neither "
                    + "JSON nor XML")
        }
        guard cpus.allSatisfy({ $0.table[0] != nil }) else {
            throw FormatError(
                .syntax, file: name, "CPU \(cpus.first { $0.table[0] == nil }?.number ?? 0) has no leaf 0")
        }
        var notes: [String] = []
        if contradictions > 0 {
            notes.append(
                "\(contradictions) lines, the first of them line \(firstContradiction), say something else of a leaf than "
                    + "an earlier line, and were left out.")
        }
        return CPUDump(
            name: name, format: format, subject: .native, cpus: cpus, msrs: msrs,
            microcode: UInt32(truncatingIfNeeded: msrs[0x8B].map { $0 >> 32 } ?? 0), notes: notes)
    }

    private mutating func add(_ row: TextDumpRow, _ line: TextLine) throws(FormatError) {
        switch row.kind {
        case .msr(let index, let value):
            // Those of the first CPU stand for all.
            if cpus.isEmpty, msrs[index] == nil { msrs[index] = value }
            return
        case .cpuid(let rowFormat):
            let format = format ?? rowFormat
            guard rowFormat == format else {
                throw FormatError(
                    .syntax, file: name, line: line.number,
                    "the line is \(rowFormat.rawValue)'s although those before are \(format.rawValue)'s")
            }
            self.format = format
        }
        // The header may be missing: leaf 0 starts the next CPU, too.
        if row.leaf == 0, row.subleaf ?? 0 == 0, current.count > 1 { try startCPU(cpus.count + 1) }
        let outcome = current.add(row.leaf, row.subleaf, eax: row.eax, ebx: row.ebx, ecx: row.ecx, edx: row.edx)
        if outcome == .contradicted {
            if contradictions == 0 { firstContradiction = line.number }
            contradictions += 1
        }
        guard current.count <= FormatLimits.rowsOfCPU else {
            throw FormatError(
                .limit, file: name, line: line.number, "a CPU has more than \(FormatLimits.rowsOfCPU) rows")
        }
    }

    private mutating func startCPU(_ number: Int) throws(FormatError) {
        try endCPU()
        self.number = number
    }

    private mutating func endCPU() throws(FormatError) {
        guard !current.isEmpty else { return }
        guard cpus.count < FormatLimits.cpus else {
            throw FormatError(.limit, file: name, "the dump has more than \(FormatLimits.cpus) CPUs")
        }
        cpus.append(CPUDump.CPU(number: number, table: current.table))
        current = DumpTable()
    }
}

/// The line with which a CPU's rows begin.
private struct CPUHeader {
    /// The CPU's number, where the line has one.
    let number: Int?

    /// Reads `CPU 0:` and `CPU:` (cpuid), `CPU#000 AffMask: 0x1`, `------[ Logical CPU #0 ]------`,
    /// `_____ Logical CPU #0 _____` and `CPUID Registers (CPU #1):` (AIDA64 and its like).
    init?(_ line: TextLine) {
        var line = line
        if line.take("CPU:") {
            number = nil
        } else if line.take("CPU#") || line.skip(past: "Logical CPU #") || line.skip(past: "(CPU #") {
            number = line.decimal()
        } else if line.take("CPU "), let value = line.decimal(), line.take(":") {
            number = value
        } else {
            return nil
        }
    }
}
