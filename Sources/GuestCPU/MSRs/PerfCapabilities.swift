// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// IA32_PERF_CAPABILITIES (Intel SDM volume 3, section 20.8 and figure 20-63; Linux, arch/x86/kvm/vmx/pmu_intel.c).
enum PerfCapabilities {
    static let index: UInt32 = 0x345
    /// Bits 5:0, the format of LBR records: a number, no set of features.
    static let lbrFormat: UInt64 = 0x3F

    /// Whether a guest's pdcm can be kept: KVM lists the MSR, and heeds it with a PMU of version 2 or later (Linux,
    /// `intel_pmu_refresh`).
    static func isPossible(on host: HostCPU) -> Bool {
        host.featureMSRs[index] != nil && host.supported.value(0xA, 0, .eax) & 0xFF >= 2
    }

    /// The model's bits as far as KVM offers them: it takes nothing else.
    ///
    /// Records have the format of the CPU that makes them, so it is told to guests of the host's own model only, and
    /// whole or not at all.
    static func value(of features: FeatureSet, offered: UInt64, isHostModel: Bool) -> UInt64 {
        let asked = features[.perfCapabilities]
        let keepsFormat = isHostModel && asked & lbrFormat == offered & lbrFormat
        return asked & offered & ~lbrFormat | (keepsFormat ? offered & lbrFormat : 0)
    }
}
