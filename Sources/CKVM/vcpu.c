// SPDX-License-Identifier: Apache-2.0

#include <errno.h>
#include <string.h>

#include "ckvm_ioctl.h"
#include "ckvm_job.h"
#include "ckvm_tables.h"
#include "ckvm_vcpu.h"

int ckvm_run_step(int vcpu, uint32_t request, void *argument)
{
    int value;
    do {
        value = ckvm_ioctl(vcpu, request, argument);
    } while (value == -EINTR || value == -EAGAIN);
    return value;
}

/// Linux 6.1 leaves `nent` of KVM_GET_CPUID2 as the caller had it, but fails with E2BIG when there is too little
/// room: the least room that suffices is the number of entries.
static int count_entries(int vcpu)
{
    struct ckvm_cpuid_table table;
    uint32_t low = 0, high = CKVM_MAX_CPUID_ENTRIES;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        table.nent = middle;
        table.padding = 0;
        int status = ckvm_run_step(vcpu, KVM_GET_CPUID2, &table);
        if (status == -E2BIG)
            low = middle + 1;
        else if (status < 0)
            return status;
        else
            high = middle;
    }
    return (int)low;
}

int ckvm_vcpu_cpuid(int vcpu, struct kvm_cpuid_entry2 *entries, uint32_t capacity)
{
    struct ckvm_cpuid_table table;
    memset(&table, 0, sizeof table);
    table.nent = CKVM_MAX_CPUID_ENTRIES;
    int status = ckvm_run_step(vcpu, KVM_GET_CPUID2, &table);
    if (status < 0)
        return status;
    int count = (int)table.nent;
    if (table.nent == CKVM_MAX_CPUID_ENTRIES)
        count = count_entries(vcpu);
    if (count < 0)
        return count;
    if ((uint32_t)count > capacity)
        return -E2BIG;
    memcpy(entries, table.entries, (size_t)count * sizeof *entries);
    return count;
}

int ckvm_set_vcpu_cpuid(int vcpu, const struct kvm_cpuid_entry2 *entries, uint32_t count)
{
    struct ckvm_cpuid_table table;
    if (count > CKVM_MAX_CPUID_ENTRIES)
        return -E2BIG;
    table.nent = count;
    table.padding = 0;
    memcpy(table.entries, entries, count * sizeof *entries);
    return ckvm_run_step(vcpu, KVM_SET_CPUID2, &table);
}

int ckvm_set_msrs(int vcpu, const struct kvm_msr_entry *entries, uint32_t count)
{
    struct ckvm_msr_table msrs;
    if (count > CKVM_MAX_MSR_ENTRIES)
        return -E2BIG;
    msrs.nmsrs = count;
    msrs.pad = 0;
    memcpy(msrs.entries, entries, count * sizeof *entries);
    return ckvm_run_step(vcpu, KVM_SET_MSRS, &msrs);
}

int ckvm_vcpu_run(int vcpu)
{
    return ckvm_ioctl_number(vcpu, KVM_RUN, 0);
}
