// SPDX-License-Identifier: Apache-2.0

import Testing
import X86CPU

@Suite struct CPUIDTableTests {
    @Test func theFirstEntryThatMatchesWins() {
        let table = CPUIDTable([
            CPUIDEntry(7, .exact(0), eax: 1), CPUIDEntry(7, .exact(0), eax: 2), CPUIDEntry(0x15, eax: 3),
        ])
        #expect(table.value(7, 0, .eax) == 1)
        #expect(table.value(0x15, 9, .eax) == 3)
    }

    @Test func anExactEntryDoesNotAnswerAnotherSubleaf() {
        let table = CPUIDTable([CPUIDEntry(4, .exact(3), eax: 1)])
        #expect(table[4, 0] == nil)
        #expect(table[4, 3]?.eax == 1)
        #expect(table.value(4, 0, .eax) == 0)
    }

    @Test func updateChangesTheEntryThatAnswers() {
        var table = CPUIDTable([CPUIDEntry(1, eax: 1), CPUIDEntry(1, eax: 2)])
        table.update(1) { $0[.edx] = 5 }
        table.update(9) { $0.eax = 9 }
        #expect(table == CPUIDTable([CPUIDEntry(1, eax: 1, edx: 5), CPUIDEntry(1, eax: 2)]))
    }

    /// A table with the limits 0x16, 0x40000001 and 0x80000008, in which leaf 0x16 can be recognised.
    private func table(vendor: CPUVendor) -> CPUIDTable {
        CPUIDTable([
            CPUIDEntry(0, eax: 0x16, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx),
            CPUIDEntry(0x16, eax: 0xAA, ebx: 0xBB), CPUIDEntry(0x4000_0000, eax: 0x4000_0001),
            CPUIDEntry(0x8000_0000, eax: 0x8000_0008),
        ])
    }

    @Test(arguments: [0x17, 0x2000_0000, 0x4000_0100, 0x8000_0009, 0xC000_0000] as [UInt32])
    func aRequestOutOfRangeReadsTheHighestBasicLeafExceptOnAMD(_ leaf: UInt32) {
        let intel = table(vendor: .intel).guestView(leaf)
        #expect(intel.leaf == leaf && intel.eax == 0xAA && intel.ebx == 0xBB)
        #expect(table(vendor: .amd).guestView(leaf).isZero)
        #expect(table(vendor: .hygon).guestView(leaf).isZero)
    }

    @Test func aMissingLeafInRangeReadsZero() {
        #expect(table(vendor: .intel).guestView(5).isZero)
        #expect(table(vendor: .intel).guestView(0x8000_0005).isZero)
    }

    @Test func aMissingTopologySubleafTellsItsNumberAndTheAPICID() {
        let vendor = CPUVendor.intel
        let table = CPUIDTable([
            CPUIDEntry(0, eax: 0xB, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx),
            CPUIDEntry(0xB, .exact(0), edx: 6), CPUIDEntry(0xB, .exact(1), edx: 6),
        ])
        let answer = table.guestView(0xB, 0x123)
        #expect(answer.ecx == 0x23 && answer.edx == 6 && answer.eax == 0 && answer.ebx == 0)
        // Out of range it is the same, with the subleaf of the request.
        #expect(table.guestView(0x16, 7).ecx == 7)
        #expect(table.guestView(0x16, 7).edx == 6)
    }

    @Test func apicIDsAreTakenOut() {
        let table = CPUIDTable([
            CPUIDEntry(1, ebx: 0x0302_0800), CPUIDEntry(0xB, .exact(0), ecx: 0x100, edx: 3),
            CPUIDEntry(0x8000_001E, eax: 3, ebx: 0x101, ecx: 0x302), CPUIDEntry(4, .exact(0), edx: 3),
        ])
        #expect(
            table.withoutAPICIDs()
                == CPUIDTable([
                    CPUIDEntry(1, ebx: 0x0002_0800), CPUIDEntry(0xB, .exact(0), ecx: 0x100, edx: 0),
                    CPUIDEntry(0x8000_001E, eax: 0, ebx: 0x100, ecx: 0x300), CPUIDEntry(4, .exact(0), edx: 3),
                ]))
    }
}

@Suite struct CPUIdentityTests {
    @Test(
        arguments: [
            (0x0006_06A0, 6, 106, 0), (0x00A0_0F11, 25, 1, 1), (0x0083_0F10, 23, 49, 0), (0x0000_0543, 5, 4, 3),
            (0x0FFF_0FFF, 270, 255, 15),
            // Zhaoxin YongFeng: an extended model in family 7.
            (0x0005_07B3, 7, 91, 3),
        ] as [(UInt32, UInt32, UInt32, UInt32)])
    func signaturesAreEncodedAsInLeaf1(_ eax: UInt32, _ family: UInt32, _ model: UInt32, _ stepping: UInt32) {
        let signature = CPUSignature(eax: eax)
        #expect(signature == CPUSignature(family: family, model: model, stepping: stepping))
        #expect(signature.eax == eax)
    }

    @Test func signaturesThatCannotBeEncodedAreRefused() {
        #expect(CPUSignature(family: 5, model: 16, stepping: 0) == nil)
        #expect(CPUSignature(family: 271, model: 0, stepping: 0) == nil)
        #expect(CPUSignature(family: 6, model: 256, stepping: 0) == nil)
        #expect(CPUSignature(family: 6, model: 1, stepping: 16) == nil)
    }

    @Test(arguments: [
        (CPUVendor.intel, "GenuineIntel"), (.amd, "AuthenticAMD"), (.hygon, "HygonGenuine"), (.centaur, "CentaurHauls"),
        (.zhaoxin, "  Shanghai  "),
    ])
    func vendorsAreTheirTwelveCharacters(_ vendor: CPUVendor, _ name: String) {
        #expect(vendor.description == name)
        #expect(CPUVendor(name) == vendor)
        #expect(vendor.isAMDLike == (vendor == .amd || vendor == .hygon))
    }

    @Test func otherStringsAreNoVendor() {
        #expect(CPUVendor("Intel") == nil)
        #expect(CPUVendor("GenuineIntelX") == nil)
        #expect(CPUVendor("GenuineÏntel") == nil)
        #expect(CPUVendor(table: CPUIDTable([CPUIDEntry(0, eax: 1)])) == nil)
    }
}
