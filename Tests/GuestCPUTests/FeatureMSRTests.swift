// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import Testing
import X86CPU

struct FeatureMSRTests {
    /// What kvm_intel of Linux 6.1 offers on a Skylake server.
    private static let offered: [UInt32: UInt64] = [
        0x10A: 0x40, 0x480: 0x00d8_1000_11e5_7ed0, 0x481: 0x7f_0000_0016, 0x482: 0xf7f9_fffe_0401_e172,
        0x483: 0x7fffff_0003_6dff, 0x484: 0xf3ff_0000_11ff, 0x485: 0x2000_0165, 0x486: 0x8000_0021,
        0x487: 0xffff_ffff, 0x488: 0x2000, 0x489: 0x37_2fff, 0x48A: 0x32, 0x48B: 0x0213_7bff_0000_0000,
        0x48C: 0xf01_0633_4041, 0x48D: 0x7f_0000_0016, 0x48E: 0xf7f9_fffe_0400_6172, 0x48F: 0x7fffff_0003_6dfb,
        0x490: 0xf3ff_0000_11fb, 0x491: 1,
    ]
    private static let controls: [UInt32] = [0x48B, 0x48D, 0x48E, 0x48F, 0x490]

    private func host(_ msrs: [UInt32: UInt64] = Self.offered, pmuVersion: UInt32 = 2) -> HostCPU {
        let generous = TestHosts.generous(.intel)
        var table = generous.supported
        table.append(CPUIDEntry(0xA, eax: pmuVersion))
        return HostCPU(identity: generous.identity, supported: table, featureMSRs: msrs)
    }

    private func values(_ expression: String, on host: HostCPU) throws -> [UInt32: UInt64] {
        try TestHosts.guest(expression, on: host, topology: Topology(cores: 1)).featureMSRs
    }

    @Test func withoutTheirFeaturesNoneIsWritten() throws {
        #expect(try values("Small", on: host()).isEmpty)
        #expect(try values("Small,+arch-capabilities", on: host()) == [0x10A: 0])
    }

    @Test func aGuestWithVMXAndNothingMoreHasFixedControls() throws {
        let msrs = try values("Small,+vmx", on: host())
        #expect(msrs[0x48D] == 0x16_0000_0016)
        #expect(msrs[0x48E] == 0x0401_e172_0401_e172)
        // A host in long mode is what every guest that has it can choose.
        #expect(msrs[0x48F] == 0x3_6fff_0003_6dff)
        #expect(msrs[0x490] == 0x11ff_0000_11ff)
        #expect(msrs[0x48B] == 0)
        #expect(msrs[0x48C] == 0)
        #expect(msrs[0x480] == 0x0018_1000_11e5_7ed0)
        #expect(msrs[0x485] == 5)
        #expect(msrs[0x48A] == 0x2E)
        #expect(msrs[0x486] == 0x8000_0021)
        #expect(msrs[0x488] == 0x2000)
        #expect(msrs[0x491] == 0)
    }

    @Test func whatKVMDerivesIsNotWritten() throws {
        let written = try values("Small,+vmx", on: host())
        for index: UInt32 in [0x481, 0x482, 0x483, 0x484, 0x487, 0x489] { #expect(written[index] == nil) }
        // An MSR that this KVM does not list is not written either.
        var fewer = Self.offered
        fewer[0x491] = nil
        #expect(try values("Small,+vmx", on: host(fewer))[0x491] == nil)
    }

    @Test func everyValueLiesWithinWhatKVMOffers() throws {
        let msrs = try values("max", on: host())
        #expect(msrs.keys.contains(0x48E))
        for index in Self.controls {
            let (value, offered) = (try #require(msrs[index]), try #require(Self.offered[index]))
            #expect(value >> 32 & ~(offered >> 32) == 0, "a control that KVM does not have")
            #expect(offered & ~value & 0xFFFF_FFFF == 0, "a control that KVM wants at 1")
            #expect(value & ~(value >> 32) & 0xFFFF_FFFF == 0, "a control that must be 1 and may not")
        }
        for index: UInt32 in [0x480, 0x485, 0x48C, 0x491] {
            let (value, offered) = (try #require(msrs[index]), try #require(Self.offered[index]))
            #expect(value & ~offered == 0)
        }
        // The EPT's memory types come with EPT.
        #expect(msrs[0x48C, default: 0] & 0x4000 != 0)
        // FRED's event data is the highest field, without it the TSC multiplier.
        #expect(msrs[0x48A] == 0x52)
        #expect(try values("max,-fred", on: host())[0x48A] == 0x32)
    }

    @Test func aControlThatIsAlways1IsNoFeature() {
        let set = FeatureSet(table: CPUIDTable(), msrs: [0x48E: 0xf7f9_fffe_0400_6172])
        #expect(set[.vmxTrueProcbasedCtls] == 0xf3f9_9e8c)
    }

    @Test func perfCapabilitiesNeedAPMUAndTheHostsModelForItsRecords() throws {
        var msrs = Self.offered
        msrs[0x345] = 0x2000 | 0x5
        func guest(_ expression: String, pmuVersion: UInt32 = 2) throws -> GuestCPU {
            try TestHosts.guest(
                expression, on: host(msrs, pmuVersion: pmuVersion), topology: Topology(cores: 1),
                options: .init(hasPMU: true))
        }
        // The format is a number: it is there only where its bits were asked for, and for guests of the host's own
        // family, model and stepping. max is one, Small is not.
        let format = "+MSR.0x345[0],+MSR.0x345[2]"
        #expect(try guest("max,+pdcm").featureMSRs[0x345] == 0x2000)
        #expect(try guest("max,+pdcm,\(format)").featureMSRs[0x345] == 0x2005)
        #expect(try guest("max,+pdcm,+MSR.0x345[2]").featureMSRs[0x345] == 0x2000)
        #expect(try guest("Small,+pdcm,\(format)").featureMSRs[0x345] == 0)
        #expect(try guest("Small,+pdcm").featureMSRs[0x345] == 0)
        let old = try guest("Small,+pdcm", pmuVersion: 1)
        #expect(!old.features.contains(.pdcm))
        #expect(old.featureMSRs[0x345] == nil)
        #expect(old.missing.contains { $0.feature == .pdcm && $0.reason == .notOffered })
    }

    @Test func notesNameWhatMakesNoSense() throws {
        var msrs = Self.offered
        msrs[0x10A] = 1 << 7 | 1 << 8
        let guest = try TestHosts.guest(
            "Small,+arch-capabilities,+tsx-ctrl,+taa-no", on: host(msrs), topology: Topology(cores: 1))
        #expect(guest.notes == [.pointless(.tsxControl, without: .rtm), .pointless(.taaNo, without: .rtm)])
        #expect(guest.featureMSRs[0x10A] == 1 << 7 | 1 << 8)
        let complete = try TestHosts.guest(
            "Small,+arch-capabilities,+tsx-ctrl,+taa-no,+rtm", on: host(msrs), topology: Topology(cores: 1))
        #expect(complete.notes.isEmpty)
    }

    @Test func tilesRequireAPermission() throws {
        let host = TestHosts.generous(.intel)
        let plain = try TestHosts.guest(on: host, topology: Topology(cores: 1))
        #expect(plain.requirements.isEmpty)
        let tiles = try TestHosts.guest(
            "Small,+amx-tile,+xfd,+xgetbv1,+xsavec,+xsaves", on: host, topology: Topology(cores: 1))
        #expect(tiles.features.contains(.amxTile))
        #expect(tiles.requirements == [.tileDataPermission])
    }
}
