// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Capabilities that do not follow from the guest's table, because the hardware cannot hide them or KVM cannot emulate
/// them.
struct VendorRules {
    let isAMDHost: Bool
    let usesTDP: Bool

    func apply(to vcpu: VCPU) {
        // With two-dimensional paging the hardware walks 1-GiB pages whatever the guest's table says.
        if usesTDP { vcpu.change(.pdpe1gb, to: vcpu.host.has(.pdpe1gb)) }
        let hasXSAVE = vcpu.has(.xsave)
        guard isAMDHost else {
            if !hasXSAVE { vcpu.clear(.xsaves) }
            return
        }
        // SVM cannot intercept XSAVES: a guest with XSAVE can use it, told of it or not.
        vcpu.change(.xsaves, to: hasXSAVE && vcpu.host.has(.xsaves))
        // An Intel guest's VMLOAD is 32 bits wide and has to be emulated.
        if CPUVendor(table: vcpu.table)?.isAMDLike != true { vcpu.clear(.vVmsaveVmload) }
    }
}
