// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Foundation
import Testing
import X86CPU

/// A file of `qemu-tables`.
private struct RecordedTable: Decodable {
    struct VCPU: Decodable {
        let table: [RecordedHost.Entry]
    }

    let cpu, host: String
    let unsupported: [String]
    let vcpus: [VCPU]

    /// Model, host and what QEMU said it had to leave out, by name. Lines without a name are parts of XCR0.
    var model: String { String(cpu.split(separator: ",")[0]) }
    var hostName: String { String(host.split(separator: "/").last?.dropLast(5) ?? "") }
    var unsupportedNames: Set<String> {
        Set(
            unsupported.compactMap { line in
                let place = line.split(separator: " ")[0]
                let name = place.split(separator: ".", maxSplits: place.hasPrefix("MSR") ? 1 : 2).last.map(String.init)
                return place.split(separator: ".").count > (place.hasPrefix("MSR") ? 1 : 2) ? name : nil
            })
    }
}

@Suite(.enabled(if: Facts.areAvailable, "\(Facts.missing)"))
struct QEMUTablesTests {
    /// Where QEMU 7.2 and the answer of today differ on purpose. QEMU 10 gives a guest the host CPU's fast strings
    /// although KVM does not list them, since they are hints alone; 7.2 did not.
    private static let withoutHints: [String: Set<String>] = [
        "EPYC-Milan@this-machine.json": ["erms", "fsrm"],
        "Haswell-v4@bochs-skylake-x.json": ["erms"],
        "Haswell@bochs-haswell.json": ["erms"],
        "Icelake-Server@bochs-skylake-x.json": ["erms"],
        "Icelake-Server@this-machine.json": ["erms"],
        "Skylake-Server@bochs-skylake-x.json": ["erms"],
        "Skylake-Server@this-machine.json": ["erms"],
    ]
    /// What QEMU 7.2 had no name for, and therefore kept from `host`.
    private static let unnamedIn72: Set = [
        "kvm-asyncpf-vmexit", "lfence-always-serializing", "no-smm-ctl-msr", "fdp-excptn-only", "zero-fcs-fds",
        "flush-l1d", "fzrm", "fsrs", "fsrc", "prefetchiti", "intel-psfd", "ipred-ctrl", "rrsba-ctrl", "ddpd-u",
        "bhi-ctrl", "mcdt-no", "amd-ibpb-ret",
    ]

    private func tables() throws -> [(file: String, table: RecordedTable, expanded: ExpandedModel)] {
        let catalog = try Shipped.catalog.get()
        let folder = Facts.conformance + "/qemu-tables"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
        return try files.sorted().map { file in
            let table: RecordedTable = try Facts.decode("\(folder)/\(file)")
            let host = try RecordedHost.named(table.hostName)
            return (file, table, try catalog.expand(ModelExpression(parsing: table.model), on: host))
        }
    }

    @Test func unavailableFeaturesAreThoseOfQEMU() throws {
        let tables = try tables()
        #expect(tables.count == 78)
        var equal = 0
        for (file, table, expanded) in tables {
            let ours = Set(expanded.unavailable.map { FeatureRegistry.shared.name(of: $0.feature) })
            #expect(ours.subtracting(table.unsupportedNames) == [], "\(file)")
            #expect(table.unsupportedNames.subtracting(ours) == Self.withoutHints[file] ?? [], "\(file)")
            equal += ours == table.unsupportedNames ? 1 : 0
        }
        #expect(equal == 71, "of 78 lists equal QEMU's to the letter")
    }

    @Test func featuresAreThoseOfQEMUsTables() throws {
        // Topology decides on these two.
        let topology: FeatureSet = [.ht, .cmpLegacy]
        for (file, table, expanded) in try tables() {
            let vcpu = try #require(table.vcpus.first)
            let theirs = FeatureSet(table: CPUIDTable(vcpu.table.map(\.entry)))
                .intersection(FeatureRegistry.shared.named).subtracting(topology)
            let ours = expanded.features.subtracting(topology).withoutMSRs
            var more = Set(ours.subtracting(theirs).names)
            var less = Set(theirs.subtracting(ours).names)
            if expanded.base == nil {
                more = more.subtracting(Self.unnamedIn72).subtracting(["erms", "fsrm"])
                if table.model == "max" { more.remove("invtsc") }
                // QEMU 7.2 still showed AMD guests Intel's MSR.
                if expanded.vendor == .amd { less.remove("arch-capabilities") }
            }
            #expect(more == Self.withoutHints[file] ?? [], "\(file)")
            #expect(less == [], "\(file)")
        }
    }
}

extension FeatureSet {
    /// The features that CPUID shows.
    fileprivate var withoutMSRs: FeatureSet {
        FeatureSet(
            filter {
                if case .cpuid = $0.word.position { true } else { false }
            })
    }
}
