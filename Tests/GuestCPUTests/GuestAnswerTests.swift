// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import Testing
import X86CPU

struct GuestAnswerTests {
    private static let transactional: UInt32 = 1 << 4 | 1 << 11

    private static func table(highest: UInt32 = 0x16, isHyperV: Bool = true) -> CPUIDTable {
        let vendor = CPUVendor.intel
        return CPUIDTable([
            CPUIDEntry(0, eax: highest, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx),
            CPUIDEntry(7, .exact(0), ebx: transactional | 1), CPUIDEntry(7, .exact(1), ebx: transactional),
            CPUIDEntry(0x4000_0000, eax: 0x4000_0003),
            CPUIDEntry(0x4000_0001, eax: isHyperV ? 0x3123_7648 : 0), CPUIDEntry(0x4000_0003, eax: 1 << 15),
            CPUIDEntry(0x8000_0000, eax: 0x8000_0008), CPUIDEntry(0x8000_0007, edx: 1 << 8),
        ])
    }

    private static func state(tsxControl: UInt64 = 0, tscInvariantControl: UInt64 = 0) -> PartialVCPUState {
        PartialVCPUState(VCPUState(tsxControl: tsxControl, tscInvariantControl: tscInvariantControl))
    }

    @Test func transactionsAreHiddenWhileTheControlSaysSo() {
        let hiding = Self.state(tsxControl: 2)
        #expect(Self.table().guestAnswer(7, in: hiding).entry.ebx == 1)
        #expect(Self.table().guestAnswer(7, in: Self.state(tsxControl: 1)).entry.ebx == Self.transactional | 1)
        #expect(Self.table().guestAnswer(7, 1, in: hiding).entry.ebx == Self.transactional)
    }

    @Test func aRequestRedirectedToLeaf7IsHiddenFromToo() {
        #expect(Self.table(highest: 7).guestAnswer(0x20, in: Self.state(tsxControl: 2)).entry.ebx == 1)
    }

    @Test func invariantTSCWaitsForAHyperVGuestToAskForIt() {
        #expect(Self.table().guestAnswer(0x8000_0007, in: Self.state()).entry.edx == 0)
        #expect(Self.table().guestAnswer(0x8000_0007, in: Self.state(tscInvariantControl: 1)).entry.edx == 1 << 8)
        #expect(Self.table(isHyperV: false).guestAnswer(0x8000_0007, in: Self.state()).entry.edx == 1 << 8)
    }

    @Test func faultingIsForUserModeOnly() {
        let table = Self.table()
        for state in [VCPUState(miscFeaturesEnables: 1), VCPUState(hwcr: 1 << 35)].map(PartialVCPUState.init) {
            #expect(table.guestAnswer(1, in: state).isFault == false)
            #expect((1...3).allSatisfy { table.guestAnswer(1, in: state, privilegeLevel: $0).isFault == true })
        }
        let others = PartialVCPUState(VCPUState(miscFeaturesEnables: ~1, hwcr: ~(1 << 35)))
        #expect(table.guestAnswer(1, in: others, privilegeLevel: 3).isFault == false)
        #expect(table.guestAnswer(1, in: others, privilegeLevel: 3).missing == [])
    }

    @Test func whetherItFaultsMayNotBeKnown() {
        var state = PartialVCPUState(.reset)
        state.miscFeaturesEnables = nil
        #expect(Self.table().guestAnswer(1, in: state).missing == [])
        let answer = Self.table().guestAnswer(1, in: state, privilegeLevel: 3)
        #expect(answer.isFault == nil)
        #expect(answer.missing == [.miscFeaturesEnables])
        state.hwcr = 1 << 35  // one of the two is enough
        #expect(Self.table().guestAnswer(1, in: state, privilegeLevel: 3).isFault == true)
    }

    @Test func whatIsNotKnownStandsAndIsNamed() {
        let table = Self.table()
        let answer = table.guestAnswer(7, in: PartialVCPUState())
        #expect(answer.entry == table.guestView(7))
        #expect(answer.missing == [.tsxControl])
        #expect(table.guestAnswer(0x8000_0007, in: PartialVCPUState()).missing == [.tscInvariantControl])
        #expect(table.guestAnswer(7, 1, in: PartialVCPUState()).missing == [])
        #expect(table.guestAnswer(7, in: Self.state()).missing == [])
    }
}
