// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Capabilities that do not follow from the guest's table, because the hardware cannot hide them or KVM cannot emulate
/// them.
struct VendorRules {
    let kvm: KVMRules

    func apply(to vcpu: VCPU) {
        gigabytePages(vcpu)
        if kvm.isSVM { svm(vcpu) } else { vmx(vcpu) }
    }

    /// With two-dimensional paging the hardware walks 1-GiB pages whatever the guest's table says. Without, KVM walks
    /// the guest's pages itself: older generations then go by the table alone.
    private func gigabytePages(_ vcpu: VCPU) {
        if kvm.usesTDP {
            vcpu.change(.pdpe1gb, to: vcpu.host.has(.pdpe1gb))
        } else if kvm.generation < .linux6_14 {
            vcpu.change(.pdpe1gb, to: FeatureSet(table: vcpu.table).contains(.pdpe1gb))
        }
    }

    private func vmx(_ vcpu: VCPU) {
        if !vcpu.has(.xsave) { vcpu.clear(.xsaves) }
    }

    private func svm(_ vcpu: VCPU) {
        // SVM cannot intercept XSAVES: a guest with XSAVE can use it, told of it or not.
        vcpu.change(.xsaves, to: vcpu.has(.xsave) && vcpu.host.has(.xsaves))
        // An Intel guest's VMLOAD loads 32 bits of SYSENTER's registers and has to be emulated.
        let vendor = CPUVendor(table: vcpu.table)
        let isLikeIntel = kvm.generation < .linux6_6 ? vendor == .intel : vendor?.isAMDLike != true
        if isLikeIntel { vcpu.clear(.vVmsaveVmload) }
    }
}
