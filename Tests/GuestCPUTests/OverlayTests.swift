// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import Testing
import X86CPU

/// A model laid over a table that a VMM made itself.
struct OverlayTests {
    private let intel = TestHosts.generous(.intel)
    private let amd = TestHosts.generous(.amd)

    /// A table as VMMs make them, of 2 threads x 4 cores, with a hypervisor of its own and leaves that no model knows.
    private func base(on host: HostCPU, apicID: UInt32 = 13) throws -> CPUIDTable {
        let topology = try Topology(sockets: 2, cores: 4, threads: 2)
        var table = try TestHosts.guest("max", on: host, topology: topology).table(ofVCPU: Int(apicID))
        table = table.removing { $0.leaf >> 28 == 4 }
        table.append(CPUIDEntry(0x4000_0000, eax: 0x4000_0010, ebx: 0x6168_6373, ecx: 1, edx: 2))
        table.append(CPUIDEntry(0x4000_0010, eax: 2_000_000, ebx: 1_000_000))
        table.append(CPUIDEntry(0xA, eax: 0x0830_0805, edx: 0x603))
        table.append(CPUIDEntry(0x15, eax: 2, ebx: 200, ecx: 25_000_000))
        table.append(CPUIDEntry(0x1C, .exact(0), eax: 0x4000_0008))
        table.update(0) { $0.eax = 0x1F }
        table.update(0x8000_0008) { $0.eax = $0.eax & ~0xFF | 40 }
        table.update(0xB, 0) { $0.eax = 4 }
        table.update(0xB, 1) { $0.eax = 8 }
        return table
    }

    private func lay(
        _ expression: String = "Small", over base: CPUIDTable, on host: HostCPU,
        keeping kept: Set<OverlayPart> = OverlayPart.usual
    ) throws -> CPUIDTable {
        let model = try TestHosts.expand(expression, on: host)
        let overlay = try Overlay(
            model: model, host: host, over: [base], keeping: kept, topology: Topology())
        return overlay.tables.tables[0]
    }

    @Test func identityAndFeaturesAreTheModels() throws {
        for host in [intel, amd] {
            let base = try base(on: host)
            let laid = try lay("Small,-avx2", over: base, on: host)
            let own = try TestHosts.guest("Small,-avx2", on: host, topology: Topology(cores: 4, threads: 2))
            #expect(laid.value(1, 0, .eax) == own.model.signature.eax)
            var vmms: FeatureSet = [.hypervisor, .cmpLegacy]
            vmms[.leaf40000001_eax] = 0xFFFF_FFFF
            vmms[.leaf40000001_edx] = 0xFFFF_FFFF
            #expect(
                FeatureSet(table: laid).union(vmms) == FeatureSet(table: own.table(ofVCPU: 0)).union(vmms))
            for leaf in UInt32(0x8000_0002)...0x8000_0004 { #expect(laid[leaf] == own.table(ofVCPU: 0)[leaf]) }
            #expect(laid[0x1C] == nil, "a leaf that neither is kept nor known to the model")
            #expect(laid[0xA] == nil)
        }
    }

    @Test func topologyIsTheVMMs() throws {
        let base = try base(on: intel)
        let laid = try lay(over: base, on: intel)
        #expect(laid.value(1, 0, .ebx) >> 16 == base.value(1, 0, .ebx) >> 16)
        #expect(laid.entries.filter { $0.leaf == 0xB } == base.entries.filter { $0.leaf == 0xB })
        #expect(laid.value(0xB, 1, .edx) == 13)
        #expect(laid.value(1, 0, .edx) & 1 << 28 != 0)
    }

    @Test func shapeIsReadFromEveryKindOfTable() throws {
        let topology = try Topology(sockets: 2, cores: 4, threads: 2)
        let one = try Topology(cores: 4, threads: 2)
        for host in [intel, amd] {
            let table = try TestHosts.guest("max,+topoext", on: host, topology: topology)
                .table(ofVCPU: 13)
            let full = try #require(PackageShape(of: table))
            #expect(full.topology == one && full.apicID == 13 && full.package == 1)
            var without = table.removing { [0xB, 0x1F, 4].contains($0.leaf) }
            without.append(CPUIDEntry(4, .exact(0), eax: 3 << 26 | 0x121))
            let old = try #require(PackageShape(of: without))
            #expect(old.topology == one && old.apicID == 13 && old.package == 1)
        }
        let dies = try Topology(dies: 2, modules: 2, cores: 2, threads: 1)
        let table = try TestHosts.guest("max", on: intel, topology: dies).table(ofVCPU: 5)
        #expect(PackageShape(of: table)?.topology == dies)
        let single = try TestHosts.guest(on: intel, topology: Topology()).table(ofVCPU: 0)
        #expect(PackageShape(of: single)?.topology == (try Topology()))
        #expect(PackageShape(of: CPUIDTable()) == nil)
    }

    /// Numbers of a table that nobody checked must give an answer or none, and no trap.
    @Test func impossibleShapesAreNoShapes() throws {
        var table = try base(on: intel)
        table.update(0xB, 0) { $0.ebx = 3 }
        #expect(PackageShape(of: table)?.topology == (try Topology(threads: 8)), "then from leaves 1 and 4")
        table.updateEach { entry in
            if entry.leaf == 0xB || entry.leaf == 1 || entry.leaf == 4 { entry.ebx = .max }
            if entry.leaf == 4 { entry.eax = .max }
        }
        let shape = try #require(PackageShape(of: table))
        #expect(shape.topology.vcpuCount <= 4096)
        #expect(shape.package < .max)
    }

    @Test func wideAPICIDFieldsAreRead() throws {
        let base = try base(on: intel)
        let shape = try #require(PackageShape(of: base))
        #expect(shape.packageBits == 8)
        #expect(shape.package == 0)
    }

    @Test func hypervisorLeavesAreTheVMMs() throws {
        let base = try base(on: intel)
        let kept = try lay(over: base, on: intel)
        #expect(kept.entries.filter { $0.leaf >> 28 == 4 } == base.entries.filter { $0.leaf >> 28 == 4 })
        let ours = try lay(over: base, on: intel, keeping: [.topology])
        #expect(ours.value(0x4000_0000, 0, .ebx) == 0x4B4D_564B)
        #expect(ours[0x4000_0010] == nil)
        let frequency = try lay(over: base, on: intel, keeping: [.topology, .tsc])
        #expect(frequency.value(0x4000_0000, 0, .eax) == 0x4000_0010)
        #expect(frequency[0x4000_0010] == base[0x4000_0010])
        var hidden = base.removing { $0.leaf >> 28 == 4 }
        hidden.update(1) { $0.ecx &= ~(1 << 31) }
        let stillHidden = try lay(over: hidden, on: intel)
        #expect(!stillHidden.entries.contains { $0.leaf >> 28 == 4 })
        #expect(stillHidden.value(1, 0, .ecx) >> 31 == 0)
    }

    @Test func keptLeavesAreWithinReach() throws {
        let base = try base(on: intel)
        let usual = try lay(over: base, on: intel)
        #expect(usual[0x15] == base[0x15] && usual.value(0, 0, .eax) == 0x15)
        let counters = try lay(over: base, on: intel, keeping: [.topology, .pmu])
        #expect(counters[0xA] == base[0xA] && counters[0x15] == nil && counters.value(0, 0, .eax) == 0xD)
    }

    @Test func addressWidthIsTheVMMsUnlessAsked() throws {
        let base = try base(on: intel)
        #expect(try lay(over: base, on: intel).value(0x8000_0008, 0, .eax) & 0xFF == 40)
        let host = try lay(over: base, on: intel, keeping: [.topology])
        #expect(host.value(0x8000_0008, 0, .eax) & 0xFF == UInt32(intel.physicalAddressBits))
        let model = try TestHosts.expand("Small", on: intel)
        let asked = try Overlay(
            model: model, host: intel, over: [base], keeping: OverlayPart.usual, topology: Topology(),
            options: .init(physicalAddressBits: 42))
        #expect(asked.tables.tables[0].value(0x8000_0008, 0, .eax) & 0xFF == 42)
    }

    @Test func cachesAreSharedAsTheVMMSays() throws {
        var base = try base(on: intel)
        base.append(CPUIDEntry(4, .exact(0), eax: 0x0C00_4121, ebx: 0x02C0_003F, ecx: 0x3F))
        let own = try TestHosts.guest(on: intel, topology: Topology(cores: 4, threads: 2)).table(ofVCPU: 0)
        let laid = try lay(over: base, on: intel)
        for entry in laid.entries where entry.leaf == 4 {
            #expect(entry.ebx == own.value(4, entry.subleaf.index, .ebx))
        }
        let kept = try lay(over: base, on: intel, keeping: [.topology, .caches])
        #expect(kept.entries.filter { $0.leaf == 4 } == base.entries.filter { $0.leaf == 4 })
    }

    @Test func errors() throws {
        let base = try base(on: intel)
        let model = try TestHosts.expand("Small", on: intel)
        let one = try Topology()
        func lay(_ bases: [CPUIDTable], _ kept: Set<OverlayPart> = OverlayPart.usual) throws(OverlayError) {
            _ = try Overlay(model: model, host: intel, over: bases, keeping: kept, topology: one)
        }
        #expect(throws: OverlayError.noTable(vcpu: 1)) { try lay([base, CPUIDTable()]) }
        #expect(throws: OverlayError.sameAPICID(13, vcpus: (0, 1))) { try lay([base, base]) }
        let foreign = try self.base(on: amd)
        #expect(throws: OverlayError.foreignCaches(vcpu: 0, model: .intel)) {
            try lay([foreign], [.topology, .caches])
        }
        var wide = base
        wide.update(0x8000_0008) { $0.eax = 60 }
        #expect(throws: OverlayError.guest(.physicalAddressBits(asked: 60, host: 52))) { try lay([wide]) }
    }

    private func deciders(
        _ kept: Set<OverlayPart>, _ places: [(UInt32, UInt32, CPUIDRegister, UInt8)]
    ) throws -> [Decision.Decider?] {
        let model = try TestHosts.expand("Small", on: intel)
        let overlay = try Overlay(
            model: model, host: intel, over: [base(on: intel)], keeping: kept, topology: Topology())
        let explanation = GuestExplanation(of: overlay, vcpu: 0, history: [])
        return places.map { leaf, subleaf, register, bit in
            let found = explanation.registers.first {
                $0.leaf == leaf && ($0.subleaf ?? 0) == subleaf && $0.register == register
            }
            return found?.fields.first { $0.bits.contains(bit) }?.decision.decider
        }
    }

    @Test func explanationsTellWhatIsTheVMMs() throws {
        let places: [(UInt32, UInt32, CPUIDRegister, UInt8)] = [
            (1, 0, .ebx, 24), (0xB, 0, .eax, 0), (0x4000_0000, 0, .eax, 0), (0x15, 0, .ebx, 0),
            (0x8000_0008, 0, .eax, 0), (0xA, 0, .eax, 0), (1, 0, .eax, 4), (7, 0, .ebx, 5), (1, 0, .edx, 0),
        ]
        #expect(
            try deciders(OverlayPart.usual, places)
                == [.vmm, .vmm, .vmm, .vmm, .vmm, nil, .model, .model, .model])
        #expect(
            try deciders([.pmu], places)
                == [.vcpu, .topology, .hypervisor, nil, .host, .vmm, .model, .model, .model])
    }

    @Test func explainedTableIsTheOneThatIsLaid() throws {
        let parts = OverlayPart.allCases
        for host in [intel, amd] {
            for choice in 0..<1 << parts.count {
                let kept = Set(parts.indices.filter { choice >> $0 & 1 == 1 }.map { parts[$0] })
                let overlay = try Overlay(
                    model: TestHosts.expand("Small", on: host), host: host, over: [base(on: host)], keeping: kept,
                    topology: Topology())
                let table = overlay.tables.tables[0]
                let explanation = GuestExplanation(of: overlay, vcpu: 0, history: [])
                #expect(explanation.registers.count == 4 * table.entries.count)
                for (number, register) in explanation.registers.enumerated() {
                    #expect(register.value == table.entries[number / 4][register.register])
                    // What is told to be the VMM's has the VMM's value.
                    let own = try base(on: host).value(register.leaf, register.subleaf ?? 0, register.register)
                    for field in register.fields where field.decision.decider == .vmm && field.bits.count < 32 {
                        let mask = (UInt32(1) << UInt32(field.bits.count)) - 1
                        #expect(field.value == own >> UInt32(field.bits.lowerBound) & mask, "\(kept) \(register)")
                    }
                }
            }
        }
    }

    @Test func withoutTheTopologyTheRequestDecides() throws {
        let model = try TestHosts.expand("Small", on: intel)
        let bases = try [base(on: intel, apicID: 3), base(on: intel, apicID: 7)]
        let overlay = try Overlay(
            model: model, host: intel, over: bases, keeping: [.hypervisor], topology: Topology(cores: 1, threads: 2))
        #expect(overlay.tables.apicIDs == [0, 1])
        #expect(overlay.tables.tables.map { $0.value(0xB, 0, .edx) } == [0, 1])
        #expect(overlay.tables.tables[1].value(0xB, 0, .ebx) == 2)
    }
}
