// SPDX-License-Identifier: Apache-2.0

#ifndef CKVM_TABLES_H
#define CKVM_TABLES_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/// struct kvm_cpuid2 with all the room KVM can ask for. Its flexible array cannot be given a size in standard C.
struct ckvm_cpuid_table {
    uint32_t nent, padding;
    struct kvm_cpuid_entry2 entries[256];
};

_Static_assert(offsetof(struct ckvm_cpuid_table, nent) == offsetof(struct kvm_cpuid2, nent), "nent");
_Static_assert(offsetof(struct ckvm_cpuid_table, entries) == offsetof(struct kvm_cpuid2, entries), "entries");

/// struct kvm_msrs likewise.
struct ckvm_msr_table {
    uint32_t nmsrs, pad;
    struct kvm_msr_entry entries[255];
};

_Static_assert(offsetof(struct ckvm_msr_table, nmsrs) == offsetof(struct kvm_msrs, nmsrs), "nmsrs");
_Static_assert(offsetof(struct ckvm_msr_table, entries) == offsetof(struct kvm_msrs, entries), "entries");

#endif
