// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// The feature MSRs that have to be written so that a guest's are those of its model.
///
/// KVM gives every new vCPU the most the host offers (Linux, quirk STUFF_FEATURE_MSRS), so an MSR that the guest can
/// read has to be written even where that changes nothing. What is written, and when:
///
/// - 0x10A IA32_ARCH_CAPABILITIES when the guest has arch-capabilities.
/// - 0x345 IA32_PERF_CAPABILITIES when it has pdcm and KVM lists the MSR; see ``PerfCapabilities``.
/// - 0x480...0x491 when it has vmx, those that KVM lists and lets be set; see ``VMXCapabilityMSRs``.
///
/// Not written, because they are the same on every host of a vendor, or a guest's own: 0xCE MSR_PLATFORM_INFO, whose
/// one bit in KVM, 31 (CPUID faulting), is set on every new vCPU; 0x8B IA32_UCODE_REV, where KVM has a constant of its
/// own and which may change at any time; 0xC0011029 MSR_AMD64_DE_CFG, which guests write. Nor 0xCF
/// IA32_CORE_CAPABILITIES: KVM does not emulate it, so core-capability is never given.
enum FeatureMSRs {
    static let archCapabilities: UInt32 = 0x10A

    /// The values by index, for a guest with these features.
    static func values(of features: FeatureSet, signature: CPUSignature, on host: HostCPU) -> [UInt32: UInt64] {
        var values: [UInt32: UInt64] = [:]
        if features.contains(.archCapabilities) { values[archCapabilities] = features[.archCapabilities] }
        if features.contains(.pdcm), let offered = host.featureMSRs[PerfCapabilities.index] {
            let isSameModel = signature == host.identity.signature
            values[PerfCapabilities.index] = PerfCapabilities.value(
                of: features, offered: offered, isHostModel: isSameModel)
        }
        if features.contains(.vmx) {
            values.merge(VMXCapabilityMSRs.values(of: features, offered: host.featureMSRs)) { $1 }
        }
        return values
    }
}
