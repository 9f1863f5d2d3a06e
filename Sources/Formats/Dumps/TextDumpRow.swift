// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// One row of a text dump: a leaf's answer, or an MSR.
struct TextDumpRow {
    /// What the row tells, and in whose way.
    enum Kind {
        case cpuid(CPUDump.Format)
        case msr(index: UInt32, value: UInt64)
    }

    let kind: Kind
    private(set) var leaf: UInt32 = 0
    /// The subleaf; nil where the row does not say it.
    private(set) var subleaf: UInt32?
    private(set) var eax: UInt32 = 0
    private(set) var ebx: UInt32 = 0
    private(set) var ecx: UInt32 = 0
    private(set) var edx: UInt32 = 0

    /// The row that a line is; nil when it does not begin like one.
    init?(_ line: TextLine, file: String) throws(FormatError) {
        var line = line
        if line.take("CPUID "), line.rest.first.flatMap(hexadecimalDigit) != nil {
            kind = .cpuid(.aida)
            try readAIDA(&line, file)
        } else if line.take("MSR "), line.rest.first.flatMap(hexadecimalDigit) != nil {
            guard let row = try Self.msr(&line, file) else { return nil }
            kind = row
        } else if line.take("0x") {
            kind = .cpuid(.cpuid)
            try readCpuid(&line, file)
        } else if let array = LibcpuidArray(&line) {
            kind = .cpuid(.libcpuid)
            try readLibcpuid(&line, array, file)
        } else {
            return nil
        }
    }

    // MARK: - AIDA64: CPUID 0000000B: 00000001-00000002-00000100-00000000 [SL 00]

    private mutating func readAIDA(_ line: inout TextLine, _ file: String) throws(FormatError) {
        leaf = try Self.register(&line, file)
        _ = line.take(":")
        line.skipSpace()
        eax = try Self.register(&line, file)
        for register in [\TextDumpRow.ebx, \.ecx, \.edx] {
            guard line.take("-") else { throw Self.error(line, file, "\"-\" is expected between the registers") }
            self[keyPath: register] = try Self.register(&line, file)
        }
        if line.skip(past: "[SL ") {
            guard let value = line.hexadecimal(digits: 8) else {
                throw Self.error(line, file, "the subleaf must be a hexadecimal number")
            }
            subleaf = UInt32(value)
        }
    }

    /// Reads `MSR 0000010A: 0000-0000-0000-0C6B`; nil for lines that say why there is no value.
    private static func msr(_ line: inout TextLine, _ file: String) throws(FormatError) -> Kind? {
        let index = try register(&line, file)
        _ = line.take(":")
        line.skipSpace()
        var value: UInt64 = 0
        for part in 0..<4 {
            if part > 0, !line.take("-") { return nil }
            guard let digits = line.hexadecimal(digits: 4) else { return nil }
            value = value << 16 | digits
        }
        return .msr(index: index, value: value)
    }

    // MARK: - cpuid -r: 0x00000007 0x00: eax=0x00000000 ebx=0x219c91a9 ecx=0x00400004 edx=0x00000000

    private mutating func readCpuid(_ line: inout TextLine, _ file: String) throws(FormatError) {
        leaf = try Self.register(&line, file)
        line.skipSpace()
        guard line.take("0x"), let index = line.hexadecimal(digits: 8), line.take(":") else {
            throw Self.error(line, file, "the subleaf is expected, as in \"0x00:\"")
        }
        subleaf = UInt32(index)
        for (name, register) in [("eax", \TextDumpRow.eax), ("ebx", \.ebx), ("ecx", \.ecx), ("edx", \.edx)] {
            line.skipSpace()
            guard line.take("\(name)=0x") else { throw Self.error(line, file, "\"\(name)=0x\" is expected") }
            self[keyPath: register] = try Self.register(&line, file)
        }
    }

    // MARK: - libcpuid: basic_cpuid[7]=00000000 219c91a9 00400004 00000000

    /// The arrays of libcpuid's dumps.
    private enum LibcpuidArray: String, CaseIterable {
        case basic = "basic_cpuid["
        case extended = "ext_cpuid["
        case leaf4 = "intel_fn4["
        case leafB = "intel_fn11["
        case leaf12 = "intel_fn12h["
        case leaf14 = "intel_fn14h["
        case leaf8000001D = "amd_fn8000001dh["
        case leaf80000026 = "amd_fn80000026h["

        init?(_ line: inout TextLine) {
            for array in Self.allCases where line.take(array.rawValue) {
                self = array
                return
            }
            return nil
        }

        /// The leaf and subleaf of an element.
        func place(_ index: UInt32) -> (leaf: UInt32, subleaf: UInt32?) {
            switch self {
            case .basic: (index, 0)
            case .extended: (0x8000_0000 | index, 0)
            case .leaf4: (0x4, index)
            case .leafB: (0xB, index)
            case .leaf12: (0x12, index)
            case .leaf14: (0x14, index)
            case .leaf8000001D: (0x8000_001D, index)
            case .leaf80000026: (0x8000_0026, index)
            }
        }
    }

    private mutating func readLibcpuid(
        _ line: inout TextLine, _ array: LibcpuidArray, _ file: String
    ) throws(FormatError) {
        guard let index = line.decimal(), index < 1 << 16, line.take("]=") else {
            throw Self.error(line, file, "an index and \"]=\" are expected")
        }
        (leaf, subleaf) = array.place(UInt32(index))
        for register in [\TextDumpRow.eax, \.ebx, \.ecx, \.edx] {
            line.skipSpace()
            self[keyPath: register] = try Self.register(&line, file)
        }
    }

    // MARK: - Parts

    private static func register(_ line: inout TextLine, _ file: String) throws(FormatError) -> UInt32 {
        guard let value = line.register() else {
            throw error(line, file, "a number of 8 hexadecimal digits is expected")
        }
        return value
    }

    private static func error(_ line: TextLine, _ file: String, _ message: String) -> FormatError {
        FormatError(.syntax, file: file, line: line.number, column: line.column, message)
    }
}
