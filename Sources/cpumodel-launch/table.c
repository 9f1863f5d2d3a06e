// SPDX-License-Identifier: Apache-2.0

#include "table.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

_Static_assert(offsetof(struct table, entries) == offsetof(struct kvm_cpuid2, entries), "struct kvm_cpuid2");

/// Linux 6.1 leaves `nent` as it was, but fails when there is too little room: the least room that suffices is the
/// number of entries.
static uint32_t count_entries(int vcpu)
{
    struct table scratch;
    uint32_t low = 0, high = 256;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        scratch.count = middle;
        if (ioctl(vcpu, KVM_GET_CPUID2, &scratch) == 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int table_read(struct table *table, int vcpu)
{
    memset(table, 0, sizeof *table);
    table->count = 256;
    if (ioctl(vcpu, KVM_GET_CPUID2, table) < 0)
        return -1;
    if (table->count == 256)
        table->count = count_entries(vcpu);
    return 0;
}

const struct kvm_cpuid_entry2 *table_find(const struct table *table, uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct kvm_cpuid_entry2 *entry = &table->entries[i];
        bool any_subleaf = !(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
        if (entry->function == leaf && (any_subleaf || entry->index == subleaf))
            return entry;
    }
    return NULL;
}

/// On Intel a leaf beyond the last of its range is answered with the last basic leaf; AMD's are answered with zeros
/// (Intel SDM volume 2A, CPUID; the kernel's kvm_cpuid and get_out_of_range_cpuid_entry).
static bool has_intel_redirect(const struct table *table)
{
    const struct kvm_cpuid_entry2 *vendor = table_find(table, 0, 0);
    if (!vendor)
        return false;
    char name[12];
    memcpy(name, &vendor->ebx, 4);
    memcpy(name + 4, &vendor->edx, 4);
    memcpy(name + 8, &vendor->ecx, 4);
    return memcmp(name, "AuthenticAMD", 12) && memcmp(name, "HygonGenuine", 12) && memcmp(name, "AMDisbetter!", 12);
}

static bool in_range(const struct table *table, uint32_t leaf)
{
    uint32_t base = 0;
    if (leaf >= 0x40000000 && leaf <= 0x4fffffff)
        base = leaf & 0xffffff00;
    else if (leaf >= 0xc0000000)
        base = 0xc0000000;
    else if (leaf >= 0x80000000)
        base = 0x80000000;
    const struct kvm_cpuid_entry2 *first = table_find(table, base, 0);
    return first && leaf <= first->eax;
}

struct kvm_cpuid_entry2 table_answer(const struct table *table, uint32_t leaf, uint32_t subleaf)
{
    const struct kvm_cpuid_entry2 *entry = table_find(table, leaf, subleaf), *basic = table_find(table, 0, 0);
    uint32_t read = leaf;
    if (!entry && basic && !in_range(table, leaf) && has_intel_redirect(table)) {
        read = basic->eax;
        entry = table_find(table, read, subleaf);
    }
    struct kvm_cpuid_entry2 answer = {.function = leaf, .index = subleaf};
    if (entry) {
        answer.eax = entry->eax;
        answer.ebx = entry->ebx;
        answer.ecx = entry->ecx;
        answer.edx = entry->edx;
    } else if (read == 0xb || read == 0x1f) {
        // A topology subleaf that is not there still says which one was asked for, and the x2APIC id.
        const struct kvm_cpuid_entry2 *level = table_find(table, read, 1);
        if (level) {
            answer.ecx = subleaf & 0xff;
            answer.edx = level->edx;
        }
    }
    return answer;
}
