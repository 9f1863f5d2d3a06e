// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import GuestCPU
import JSON
import Testing
import X86CPU

/// Models laid over the tables that QEMU passes to KVM_SET_CPUID2.
@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct OverlayOnQEMUTests {
    private struct Machine {
        let file: String
        let host: HostCPU
        let topology: Topology
        let tables: [CPUIDTable]
    }

    /// The shape is read from every table as QEMU was told it by -smp, and the APIC ids are QEMU's.
    @Test func shapeIsThatOfTheCommandLine() throws {
        var count = 0
        for machine in try Self.machines() {
            for table in machine.tables {
                let shape = try #require(PackageShape(of: table))
                count += 1
                let (found, told) = (shape.topology, machine.topology)
                #expect(found.logicalCPUs(in: .socket) == told.logicalCPUs(in: .socket), "\(machine.file)")
                // An old AMD model has no leaf that tells threads from cores.
                let isAMD = CPUVendor(table: table)?.isAMDLike == true
                let tellsThreads = table[0xB] != nil || table[0x8000_001E] != nil || !isAMD
                if tellsThreads { #expect(found.threads == told.threads, "\(machine.file)") }
                #expect(shape.apicID & 0xFF == table.value(1, 0, .ebx) >> 24, "\(machine.file)")
            }
        }
        #expect(count > 50)
    }

    /// Whatever the vendors of model and VMM, what is laid over tells the same topology as what it was laid over.
    @Test func topologySurvives() throws {
        let catalog = try Conformance.catalog()
        var count = 0
        for machine in try Self.machines() {
            for name in ["Skylake-Server-v4", "EPYC-Milan-v2", "SapphireRapids-v3", "EPYC-Genoa", "qemu64"] {
                let model = try catalog.expand(ModelExpression(parsing: name), on: machine.host)
                let overlay = try Overlay(
                    model: model, host: machine.host, over: machine.tables, keeping: OverlayPart.usual,
                    topology: machine.topology)
                for (base, laid) in zip(machine.tables, overlay.tables.tables) {
                    count += 1
                    let (before, after) = (PackageShape(of: base), PackageShape(of: laid))
                    #expect(before?.apicID == after?.apicID, "\(name) over \(machine.file)")
                    #expect(before?.topology.threads == after?.topology.threads, "\(name) over \(machine.file)")
                    #expect(CPUVendor(table: laid) == model.vendor)
                    #expect(laid.entries.count <= CPUIDTable.maximumCount)
                    let features = FeatureSet(table: overlay.guest.table(ofVCPU: 0))
                    let found = FeatureSet(table: laid)
                    let different = found.subtracting(features).union(features.subtracting(found))
                    #expect(different.subtracting(Self.decidedByTheVMM).isEmpty, "\(name) over \(machine.file)")
                    // QEMU 7.2 counts the CPUs of a die everywhere but in 0x8000001E, which needs TOPOEXT.
                    let tellsDies = laid[0x8000_001E] != nil || !model.vendor.isAMDLike || machine.topology.dies == 1
                    guard tellsDies else { continue }
                    #expect(
                        before?.topology.logicalCPUs(in: .socket) == after?.topology.logicalCPUs(in: .socket),
                        "\(name) over \(machine.file)")
                }
            }
        }
        print("overlay: \(count) tables")
        #expect(count > 200)
    }

    /// Features that are the VMM's: the hypervisor's, and those that follow from topology.
    private static let decidedByTheVMM: FeatureSet = {
        var set: FeatureSet = [.hypervisor, .ht, .cmpLegacy]
        set[.leaf40000001_eax] = 0xFFFF_FFFF
        set[.leaf40000001_edx] = 0xFFFF_FFFF
        return set
    }()

    private static func machines() throws -> [Machine] {
        var machines: [Machine] = []
        for file in Conformance.files(in: "qemu-tables", ending: ".json") {
            let document = try Conformance.json("qemu-tables/\(file)")
            var counts: [String: UInt32] = [:]
            for part in try #require(document["smp"]?.stringValue).split(separator: ",") {
                let pair = part.split(separator: "=")
                if pair.count == 2 { counts[String(pair[0])] = UInt32(pair[1]) }
            }
            let topology = try Topology(
                sockets: counts["sockets"] ?? 1, dies: counts["dies"] ?? 1, cores: counts["cores"] ?? 1,
                threads: counts["threads"] ?? 1)
            let host = try HostCPU(kvmHost: Conformance.json(#require(document["host"]?.stringValue)))
            let tables = try (document["vcpus"]?.arrayValue ?? []).map { try CPUIDTable(kvmHost: $0["table"]) }
            machines.append(Machine(file: file, host: host, topology: topology, tables: tables))
        }
        return machines
    }
}
