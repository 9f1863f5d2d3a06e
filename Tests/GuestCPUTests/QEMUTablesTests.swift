// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import GuestCPU
import JSON
import Testing
import X86CPU

/// The tables that QEMU passes to KVM_SET_CPUID2, register by register against ours.
@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct QEMUTablesTests {
    /// The share of registers that are equal or differ for a reason of the list; it must not fall.
    static let pinnedScore = 1.0

    @Test func registersEqualOrAreExplained() throws {
        let catalog = try Conformance.catalog()
        var equal = 0
        var explained: [String: Int] = [:]
        var unexplained: [String] = []
        var tables = 0
        for file in Conformance.files(in: "qemu-tables", ending: ".json") {
            let document = try Conformance.json("qemu-tables/\(file)")
            guard let guest = try Self.guest(document, catalog: catalog) else { continue }
            for (position, vcpu) in (document["vcpus"]?.arrayValue ?? []).enumerated() {
                tables += 1
                let theirs = try CPUIDTable(kvmHost: vcpu["table"])
                guard CPUVendor(table: theirs) == guest.model.vendor else { continue }
                let ours = guest.table(ofVCPU: position)
                let keys = Set((ours.entries + theirs.entries).map { Key(leaf: $0.leaf, subleaf: $0.subleaf.index) })
                for key in keys.sorted() {
                    for register in CPUIDRegister.allCases {
                        let (mine, other) = (
                            ours.value(key.leaf, key.subleaf, register), theirs.value(key.leaf, key.subleaf, register)
                        )
                        if mine == other {
                            equal += 1
                        } else if let reason = QEMUDifference.reason(
                            key.leaf, key.subleaf, register, ours: mine, theirs: other, guest: guest)
                        {
                            explained[reason, default: 0] += 1
                        } else {
                            unexplained.append(
                                "\(file) vCPU \(position) \(String(key.leaf, radix: 16)).\(key.subleaf) \(register): ours \(String(mine, radix: 16)), QEMU \(String(other, radix: 16))"
                            )
                        }
                    }
                }
            }
        }
        let total = equal + explained.values.reduce(0, +) + unexplained.count
        print("qemu-tables: \(tables) tables, \(total) registers: \(equal) equal, \(unexplained.count) unexplained")
        for (reason, count) in explained.sorted(by: { $0.value > $1.value }) { print("  \(count): \(reason)") }
        for line in unexplained.prefix(150) { print("  unexplained: \(line)") }
        #expect(tables > 50)
        #expect(Double(total - unexplained.count) / Double(max(total, 1)) >= Self.pinnedScore)
    }

    private struct Key: Hashable, Comparable {
        let leaf: UInt32
        let subleaf: UInt32
        static func < (left: Key, right: Key) -> Bool { (left.leaf, left.subleaf) < (right.leaf, right.subleaf) }
    }

    /// Our guest for what QEMU was run with; nil where the catalog has not the model, or QEMU changed its vendor.
    private static func guest(_ document: JSONValue, catalog: ModelCatalog) throws -> GuestCPU? {
        let cpu = try #require(document["cpu"]?.stringValue)
        let name = try #require(cpu.split(separator: ",").first)
        guard let version = catalog.version(named: String(name)) else { return nil }
        let host = try HostCPU(kvmHost: Conformance.json(#require(document["host"]?.stringValue)))
        let isOwnVendor = cpu.contains("vendor=\(version.vendor)") || host.identity.vendor == version.vendor
        guard isOwnVendor else { return nil }
        let model = try catalog.expand(ModelExpression(parsing: String(name)), on: host)
        var counts: [String: UInt32] = [:]
        for part in try #require(document["smp"]?.stringValue).split(separator: ",") {
            let pair = part.split(separator: "=")
            if pair.count == 2 { counts[String(pair[0])] = UInt32(pair[1]) }
        }
        let topology = try Topology(
            sockets: counts["sockets"] ?? 1, dies: counts["dies"] ?? 1, cores: counts["cores"] ?? 1,
            threads: counts["threads"] ?? 1)
        return try GuestCPU(
            model: model, host: host, topology: topology, options: .init(physicalAddressBits: 40))
    }
}
