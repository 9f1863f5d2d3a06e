// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
public import JSON
import X86CPU

/// The result of `table.compute` for people: what all vCPUs share once, and then what each has for itself.
public struct TableReport: Report {
    private let headline: String
    private let stamp: String
    private let vcpus: [VCPUTable]
    private let msrs: FeatureMSRLines
    private let dropped: UnavailableFeatures
    private let remarks: GuestRemarks

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        var topology = try reader.object("topology")
        headline = "\(try reader.string("expression")): \(try TopologyText.describe(&topology))"
        stamp = try reader.string("stamp")
        vcpus = try VCPUTable.all(&reader)
        msrs = try FeatureMSRLines(&reader)
        dropped = try UnavailableFeatures("dropped", &reader)
        remarks = try GuestRemarks(&reader)
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title(headline)
        page.rows([.init("Stamp", stamp)])

        let shared = VCPUTable.sharedEntries(of: vcpus)
        if vcpus.count > 1 {
            page.title("All vCPUs")
            for entry in vcpus[0].entries where shared.contains(entry) { page.line(cpuidLine(entry)) }
        }
        for vcpu in vcpus {
            let own = vcpus.count > 1 ? vcpu.entries.filter { !shared.contains($0) } : vcpu.entries
            if own.isEmpty { continue }
            page.title("vCPU \(vcpu.index), APIC id \(vcpu.apicID)")
            for entry in own { page.line(cpuidLine(entry)) }
        }

        msrs.write(to: &page)
        if dropped.count > 0 {
            page.title("Left out, as the host cannot give them: \(counted(dropped.count, "feature"))")
            dropped.write(to: &page)
        }
        remarks.write(to: &page)
    }
}

/// The result of `table.compute` as the program cpuid prints tables with `--raw`, and reads them with `--file`.
public struct RawTableReport: Report {
    private let vcpus: [VCPUTable]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vcpus = try VCPUTable.all(&reader)
    }

    /// Writes it.
    public func write(to page: inout Page) {
        for vcpu in vcpus {
            page.line("CPU \(vcpu.index):")
            for entry in vcpu.entries { page.line(cpuidLine(entry)) }
        }
    }
}

/// The table of one vCPU.
private struct VCPUTable {
    let index: Int64
    let apicID: Int64
    let entries: [CPUIDEntry]

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        index = try reader.integer("index")
        apicID = try reader.integer("apicId")
        entries = try reader.objects("cpuid") { (entry) throws(JSONShapeError) in try CPUIDEntry(reading: &entry) }
    }

    static func all(_ reader: inout ObjectReader) throws(JSONShapeError) -> [VCPUTable] {
        try reader.objects("vcpus") { (vcpu) throws(JSONShapeError) in try VCPUTable(reading: &vcpu) }
    }

    /// The entries that all the vCPUs have.
    static func sharedEntries(of vcpus: [VCPUTable]) -> Set<CPUIDEntry> {
        guard let first = vcpus.first else { return [] }
        return vcpus.dropFirst().reduce(into: Set(first.entries)) { $0.formIntersection($1.entries) }
    }
}

/// An entry in the form of the program cpuid.
private func cpuidLine(_ entry: CPUIDEntry) -> String {
    let registers = CPUIDRegister.allCases.map { "\($0)=0x\(hexadecimal(UInt64(entry[$0]), digits: 8))" }
    return "   \(entryName(leaf: entry.leaf, subleaf: entry.subleaf.index)): " + registers.joined(separator: " ")
}
