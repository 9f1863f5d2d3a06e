// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import GuestCPU
import Testing
import X86CPU

/// Every shipped model on every recorded host: the table is computed, or what is missing has its reason; and nothing that
/// the host lacks is ever promised.
@Suite(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
struct KVMHostsTests {
    @Test func nothingThatTheHostLacksIsPromised() throws {
        let catalog = try Conformance.catalog()
        let files = Conformance.files(in: "kvm-hosts", ending: ".json")
        let versions = catalog.models.flatMap(\.versions)
        var (inFull, inPart) = (0, 0)
        for file in files {
            let host = try HostCPU(kvmHost: Conformance.json("kvm-hosts/\(file)"))
            for name in versions.map(\.name) + ["host", "max"] {
                let guest = try Self.guest(name, catalog: catalog, host: host)
                if guest.missing.isEmpty { inFull += 1 } else { inPart += 1 }
                let where_ = "\(name) on \(file)"
                Self.checkFeatures(guest, host, where_)
                Self.checkComponents(guest, host, where_)
                Self.checkMSRs(guest, host, where_)
                Self.checkZeroLeaves(guest, where_)
                #expect(guest.missing.allSatisfy { !$0.reasonText.isEmpty })
            }
        }
        print("kvm-hosts: \(versions.count + 2) models on \(files.count) hosts: \(inFull) in full, \(inPart) in part")
        #expect(files.count >= 20)
        #expect(inFull > 100)
        #expect(inPart > 100)
    }

    private static func guest(_ name: String, catalog: ModelCatalog, host: HostCPU) throws -> GuestCPU {
        let model = try catalog.expand(ModelExpression(parsing: name), on: host)
        return try GuestCPU(model: model, host: host, topology: Topology(sockets: 2, cores: 2, threads: 2))
    }

    /// Leaves 0x18 to 0x1A are zeros, and nothing sends the guest there: not descriptor 0xFE in leaf 2, nor Key Locker in
    /// 7.0.ECX[23], nor several kinds of cores in 7.0.EDX[15].
    private static func checkZeroLeaves(_ guest: GuestCPU, _ name: String) {
        let table = guest.table(ofVCPU: 0)
        #expect(!table.entries.contains { 0x18...0x1A ~= $0.leaf && !$0.isZero }, "\(name)")
        for register in CPUIDRegister.allCases {
            let value = table.value(2, 0, register)
            // Bit 31: the register holds no descriptors. EAX[7:0] is a count.
            for byte in (register == .eax ? 1 : 0)..<4 where value >> 31 == 0 {
                #expect(value >> UInt32(8 * byte) & 0xFF != 0xFE, "\(name): leaf 2 \(register)")
            }
        }
        #expect(table.value(7, 0, .ecx) & 1 << 23 == 0, "\(name): Key Locker")
        #expect(table.value(7, 0, .edx) & 1 << 15 == 0, "\(name): hybrid")
    }

    /// Every feature in the table is one that the host grants, and one that the model or KVM's guests have.
    private static func checkFeatures(_ guest: GuestCPU, _ host: HostCPU, _ name: String) {
        let shown = FeatureSet(table: guest.table(ofVCPU: 7), msrs: [:])
        var allowed = host.grantable
        // AMD's copies of leaf 1, which are no features of their own.
        allowed[.leaf80000001_edx] |= UInt64(CPUVendor.repeatedLeaf1EDX)
        #expect(
            shown.isSubset(of: allowed), "\(name): \(Array(shown.subtracting(allowed)).map(String.init(describing:)))")
        let lost = Set(guest.missing.map(\.feature))
        #expect(lost.allSatisfy { !shown.contains($0) || $0 == .avx10 }, "\(name) shows what it says is missing")
    }

    /// XSAVE components, and their sizes and places, are the host's.
    private static func checkComponents(_ guest: GuestCPU, _ host: HostCPU, _ name: String) {
        let table = guest.table(ofVCPU: 0)
        for (subleaf, register) in [(0, CPUIDRegister.eax), (0, .edx), (1, .ecx), (1, .edx)]
            as [(UInt32, CPUIDRegister)]
        {
            let (mine, its) = (table.value(0xD, subleaf, register), host.supported.value(0xD, subleaf, register))
            #expect(mine & ~its == 0, "\(name): 0xD.\(subleaf) \(register)")
        }
        for entry in table.entries where entry.leaf == 0xD && entry.subleaf.index >= 2 {
            #expect(host.supported[0xD, entry.subleaf.index]?.eax == entry.eax, "\(name)")
            #expect(host.supported[0xD, entry.subleaf.index]?.ebx == entry.ebx, "\(name)")
        }
    }

    /// MSRs are among those that the host's KVM lists, unless KVM emulates them everywhere.
    private static func checkMSRs(_ guest: GuestCPU, _ host: HostCPU, _ name: String) {
        for index in guest.featureMSRs.keys { #expect(host.featureMSRs[index] != nil || index == 0x10A, "\(name)") }
        if let value = guest.featureMSRs[0x10A] {
            #expect(value & ~(host.featureMSRs[0x10A] ?? 0) == 0, "\(name): 0x10a")
        }
    }
}
