// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// The feature MSRs that a guest's features decide.
enum FeatureMSRs {
    /// IA32_ARCH_CAPABILITIES, index 0x10A, whenever the guest can read it: KVM gives every vCPU the host's own value
    /// unless it is told another (Linux, quirk STUFF_FEATURE_MSRS), and then the guest would see more than its model.
    static func values(of features: FeatureSet) -> [UInt32: UInt64] {
        guard features.contains(.archCapabilities) else { return [:] }
        return [0x10A: features[.archCapabilities]]
    }
}
