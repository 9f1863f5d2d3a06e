// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What CPUID and the feature MSRs must not say against each other.
///
/// What must hold is enforced elsewhere: needs between features by the registry (every bit of 0x10A needs
/// arch-capabilities, every VMX capability vmx, rrsba needs ibrs-all), and an MSR whose feature the guest lacks is not
/// written. Here is what merely makes no sense.
enum FeatureMSRRules {
    /// Bits that make sense in no guest without another, in order. Guests get along with them, so they stay.
    static func notes(on features: FeatureSet) -> [GuestCPUNote] {
        guard features.contains(.archCapabilities) else { return [] }
        let rules: [(Feature, Feature)] = [
            (.tsxControl, .rtm), (.taaNo, .rtm), (.rrsba, .ibrsAll),
        ]
        return rules.filter { features.contains($0) && !features.contains($1) }
            .map { .pointless($0, without: $1) }
    }
}
