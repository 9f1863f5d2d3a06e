// SPDX-License-Identifier: Apache-2.0

import X86CPU

extension CPUDump {
    /// Reads libvirt's `<cpudata arch='x86'>`: rows `<cpuid eax_in= ecx_in= eax= .../>` and `<msr index= edx= eax=/>`.
    static func read(cpudata bytes: [UInt8], name: String) throws(FormatError) -> CPUDump {
        let root = try XMLReader.read(bytes, file: name, limit: FormatLimits.dumpBytes)
        guard root.name == "cpudata" else {
            throw root.error(
                .unrecognized, file: name, "a dump in XML is libvirt's \"cpudata\", not \(quoted(root.name))")
        }
        if let architecture = root["arch"], architecture != "x86" {
            throw root.error(
                .unsupported, file: name, "the CPU is of the architecture \(quoted(architecture)), not x86")
        }
        var table = DumpTable()
        var msrs: [UInt32: UInt64] = [:]
        for row in root.children {
            switch row.name {
            case "cpuid":
                let outcome = table.add(
                    try row.number("eax_in", file: name), try row.number("ecx_in", file: name, default: 0),
                    eax: try row.number("eax", file: name), ebx: try row.number("ebx", file: name),
                    ecx: try row.number("ecx", file: name), edx: try row.number("edx", file: name))
                guard outcome != .contradicted else {
                    throw row.error(.syntax, file: name, "an earlier row tells the leaf differently")
                }
                guard table.count <= FormatLimits.rowsOfCPU else {
                    throw row.error(.limit, file: name, "there are more than \(FormatLimits.rowsOfCPU) rows")
                }
            case "msr":
                let high: UInt32 = try row.number("edx", file: name)
                let low: UInt32 = try row.number("eax", file: name)
                msrs[try row.number("index", file: name)] = UInt64(high) << 32 | UInt64(low)
            default:
                throw row.error(.syntax, file: name, "\(quoted(row.name)) is no row of a \"cpudata\"")
            }
        }
        guard !table.isEmpty || !msrs.isEmpty else {
            throw root.error(.syntax, file: name, "the \"cpudata\" is empty")
        }
        return CPUDump(
            name: name, format: .cpudata, subject: .native, cpus: [CPU(number: 0, table: table.table)], msrs: msrs)
    }
}

extension XMLElement {
    /// The number that an attribute holds, in hexadecimal or decimal.
    func number(_ attribute: String, file: String, default fallback: UInt32? = nil) throws(FormatError) -> UInt32 {
        guard let found = attributes.first(where: { $0.name == attribute }) else {
            if let fallback { return fallback }
            throw error(.syntax, file: file, "\(quoted(name)) has no attribute \(quoted(attribute))")
        }
        guard let value: UInt32 = Formats.number(found.value) else {
            throw FormatError(
                .syntax, file: file, line: found.line, column: found.column,
                "\(quoted(attribute)) must be a number of 32 bits, not \(quoted(found.value))")
        }
        return value
    }
}
