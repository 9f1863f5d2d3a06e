// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_TABLE_H
#define LAUNCH_TABLE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

/// struct kvm_cpuid2 with room for all the entries KVM can have.
struct table {
    uint32_t count, padding;
    struct kvm_cpuid_entry2 entries[256];
};

/// Reads a vCPU's table. Returns 0, or -1 with errno.
int table_read(struct table *table, int vcpu);

/// The entry of a leaf and subleaf: the first that matches, as KVM looks it up. NULL when there is none.
const struct kvm_cpuid_entry2 *table_find(const struct table *table, uint32_t leaf, uint32_t subleaf);

/// What a guest with this table is told when it executes CPUID, also where the table has no entry.
struct kvm_cpuid_entry2 table_answer(const struct table *table, uint32_t leaf, uint32_t subleaf);

#endif
