// SPDX-License-Identifier: Apache-2.0
//
// JobFormat.md and <linux/kvm.h> must agree; a compiler that reads this file proves that they do.

#include <linux/kvm.h>
#include <stddef.h>

#include "ckvm_job.h"

_Static_assert(0x4008AE90 == KVM_SET_CPUID2, "KVM_SET_CPUID2");
_Static_assert(0xC008AE91 == KVM_GET_CPUID2, "KVM_GET_CPUID2");
_Static_assert(0x4008AE89 == KVM_SET_MSRS, "KVM_SET_MSRS");
_Static_assert(0xC008AE88 == KVM_GET_MSRS, "KVM_GET_MSRS");
_Static_assert(0x8138AE83 == KVM_GET_SREGS, "KVM_GET_SREGS");
_Static_assert(0x8140AECC == KVM_GET_SREGS2, "KVM_GET_SREGS2");
_Static_assert(0x8188AEA6 == KVM_GET_XCRS, "KVM_GET_XCRS");
_Static_assert(0x4068AEA3 == KVM_ENABLE_CAP, "KVM_ENABLE_CAP");
_Static_assert(190 == KVM_CAP_ENFORCE_PV_FEATURE_CPUID, "KVM_CAP_ENFORCE_PV_FEATURE_CPUID");

_Static_assert(sizeof(struct kvm_cpuid2) == 8 && sizeof(struct kvm_cpuid_entry2) == 40, "struct kvm_cpuid2");
_Static_assert(sizeof(struct kvm_msrs) == 8 && sizeof(struct kvm_msr_entry) == 16, "struct kvm_msrs");
_Static_assert(sizeof(struct kvm_sregs) == 312, "struct kvm_sregs");
_Static_assert(sizeof(struct kvm_sregs2) == 320, "struct kvm_sregs2");
_Static_assert(sizeof(struct kvm_xcrs) == 392, "struct kvm_xcrs");
_Static_assert(sizeof(struct kvm_enable_cap) == 104, "struct kvm_enable_cap");

// The counts that an executor checks, and the capability, lie at the start of their structures.
_Static_assert(offsetof(struct kvm_cpuid2, nent) == 0, "nent");
_Static_assert(offsetof(struct kvm_msrs, nmsrs) == 0, "nmsrs");
_Static_assert(offsetof(struct kvm_enable_cap, cap) == 0, "cap");

#define SAME_PLACE(register, offset)                                     \
    _Static_assert(offsetof(struct kvm_sregs, register) == offset        \
            && offsetof(struct kvm_sregs2, register) == offset, #register)
SAME_PLACE(cr0, 224);
SAME_PLACE(cr4, 248);
SAME_PLACE(cr8, 256);
SAME_PLACE(efer, 264);
SAME_PLACE(apic_base, 272);

_Static_assert(offsetof(struct kvm_xcrs, nr_xcrs) == 0, "nr_xcrs");
_Static_assert(offsetof(struct kvm_xcrs, xcrs) == 8, "xcrs");
_Static_assert(offsetof(struct kvm_xcr, xcr) == 0 && offsetof(struct kvm_xcr, value) == 8, "struct kvm_xcr");
