// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What every guest of KVM gets beside its model, and what none gets unless asked: the defaults of QEMU under KVM,
/// which models are made for.
enum KVMDefaults {
    /// Given to every guest as far as the host has them.
    static let paravirtual: FeatureSet = [
        .x2apic, .kvmclock, .kvmclock2, .kvmNopiodelay, .kvmAsyncpf, .kvmStealTime, .kvmPvEoi, .kvmclockStableBit,
    ]
    /// Given to no guest unless asked, although models have them.
    static let onlyWhenAsked: FeatureSet = [.svm, .monitor, .acpi]
    /// Given to every guest.
    static let given = paravirtual.union([.hypervisor])
}
