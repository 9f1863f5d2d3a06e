// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What a vCPU may use by its table and the host alone, before any rule of a vendor's.
enum InitialCapabilities {
    /// The features that KVM held within the host's before it did so with all: those it must know on paths where a
    /// look into the table would be too slow (Linux 6.6 to 6.13, arch/x86/kvm/governed_features.h; before that the
    /// same as fields of the vendor modules).
    static let governed: FeatureSet = [
        .pdpe1gb, .xsaves, .vmx, .nripSave, .tscScale, .vVmsaveVmload, .lbrv, .pauseFilter, .pfthreshold, .vgif, .vnmi,
        StaticFeature.lam.feature,
    ]

    /// The features of a table that KVM honours.
    static func of(_ table: CPUIDTable, host: HostCPUCaps, generation: KVMGeneration) -> FeatureSet {
        let guest = FeatureSet(table: table)
        // What KVM keeps no capability for, such as paravirtual features, is as the table says.
        let others = guest.subtracting(capabilities)
        guard generation < .linux6_14 else { return host.honoured(of: guest).intersection(capabilities).union(others) }
        // KVM looks a feature up in the table, and may honour one that the host has not.
        return guest.subtracting(governed).union(host.honoured(of: guest).intersection(governed)).union(others)
    }

    /// Every bit of the words that KVM keeps.
    private static let capabilities: FeatureSet = {
        var set = FeatureSet()
        for word in FeatureWord.allCases where word.isKVMCapability { set[word] = UInt64(UInt32.max) }
        return set
    }()
}
