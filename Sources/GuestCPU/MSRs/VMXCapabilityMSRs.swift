// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// The VMX capability MSRs (Intel SDM volume 3, appendix A) of a guest that has VMX.
///
/// A feature of a control word means that the control may be 0 and may be 1. A control that is no feature of the guest
/// is fixed: at 1 where it belongs to the default1 class of its word, otherwise at 0.
///
/// Only what KVM lets be set is written. It derives 0x481...0x484 from 0x48D...0x490, and CR0_FIXED1 and CR4_FIXED1
/// from the guest's CPUID, and refuses values for them (Linux, `vmx_set_vmx_msr`). Every value lies within what KVM
/// offers, bit for bit, since it takes no other.
enum VMXCapabilityMSRs {
    /// A word of controls, low half must be 1, high half may be 1.
    private struct Controls {
        let word: FeatureWord
        /// The controls that are 1 unless their word says that they may be 0.
        let default1: UInt32
        /// Controls that every guest has which has them on this host.
        var always: UInt32 = 0

        func value(of features: FeatureSet, offered: UInt64) -> UInt64 {
            let flexible = UInt32(truncatingIfNeeded: features[word]) | always
            let mustBeOne = default1 & ~flexible | UInt32(truncatingIfNeeded: offered)
            let mayBeOne = (default1 | flexible) & UInt32(truncatingIfNeeded: offered >> 32)
            return UInt64(mustBeOne) | UInt64(mayBeOne | mustBeOne) << 32
        }
    }

    private enum Basic {
        static let index: UInt32 = 0x480
        /// VMCS revision identifier 30:0, size of its region 44:32, memory type 53:50: facts of the host.
        static let ofHost: UInt64 = 0x7FFF_FFFF | 0x1FFF << 32 | 0xF << 50
    }

    private enum Misc {
        static let index: UInt32 = 0x485
        /// Rate of the preemption timer 4:0, longest MSR list 27:25. No CR3 targets, and no dual-monitor treatment.
        static let ofHost: UInt64 = 0x1F | 0x7 << 25
    }

    private enum EPT {
        static let index: UInt32 = 0x48C
        /// Memory types uncacheable, bit 8, and write-back, bit 14: of the host's EPT, whatever the model says.
        static let memoryTypes: UInt64 = 1 << 8 | 1 << 14
    }

    private enum VMCSEnum {
        static let index: UInt32 = 0x48A
        /// The highest index in the encodings of the fields that the guest has: those of FRED's event data (0x2052),
        /// of secondary exit controls (0x2044), of the TSC multiplier (0x2032) and of the preemption timer (0x482E).
        static func value(of features: FeatureSet) -> UInt64 {
            if features.contains(.fred) { return 0x52 }
            if features[.vmxTrueExitCtls] & 1 << 31 != 0 { return 0x44 }
            return features.contains(.vmxTSCScaling) ? 0x32 : 0x2E
        }
    }

    /// CR0 in VMX operation: PE, NE and PG are 1. CR4: VMXE is. A host may ask for no less.
    private static let fixed0: [UInt32: UInt64] = [0x486: 0x8000_0021, 0x488: 0x2000]

    /// Exit controls, bit 9: the host of the guest's guests is in long mode.
    private static let hostAddressSpaceSize: UInt32 = 1 << 9

    /// The values by index, of the MSRs among those that KVM offers.
    static func values(of features: FeatureSet, offered: [UInt32: UInt64]) -> [UInt32: UInt64] {
        var values: [UInt32: UInt64] = [:]
        func write(_ index: UInt32, _ value: (UInt64) -> UInt64) {
            if let offered = offered[index] { values[index] = value(offered) }
        }
        let isLong = features.contains(.lm)
        let controls: [(UInt32, Controls)] = [
            (0x48B, Controls(word: .vmxProcbasedCtls2, default1: 0)),
            (0x48D, Controls(word: .vmxTruePinbasedCtls, default1: 0x16)),
            (0x48E, Controls(word: .vmxTrueProcbasedCtls, default1: 0x0401_E172)),
            (
                0x48F,
                Controls(word: .vmxTrueExitCtls, default1: 0x3_6DFF, always: isLong ? hostAddressSpaceSize : 0)
            ),
            (0x490, Controls(word: .vmxTrueEntryCtls, default1: 0x11FF)),
        ]
        for (index, controls) in controls { write(index) { controls.value(of: features, offered: $0) } }
        write(Basic.index) { $0 & Basic.ofHost | features[.vmxBasic] & $0 }
        write(Misc.index) { $0 & Misc.ofHost | features[.vmxMisc] & $0 }
        let memoryTypes = features.contains(.vmxEPT) ? EPT.memoryTypes : 0
        write(EPT.index) { (features[.vmxEPTVPIDCap] | memoryTypes) & $0 }
        write(0x491) { features[.vmxVMFunc] & $0 }
        write(VMCSEnum.index) { _ in VMCSEnum.value(of: features) }
        for (index, value) in fixed0 { write(index) { value | $0 } }
        return values
    }
}
