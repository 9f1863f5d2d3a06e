// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "msrs.h"

#include <linux/kvm.h>
#include <string.h>
#include <unistd.h>

#include "next.h"
#include "settings.h"

/// The most that KVM takes at once is one less.
enum { MAX_MSRS = 256 };

enum {
    MSR_IA32_CORE_CAPABILITIES = 0xCF,
    MSR_IA32_ARCH_CAPABILITIES = 0x10A,
    MSR_IA32_PERF_CAPABILITIES = 0x345,
    MSR_IA32_VMX_BASIC = 0x480,
    MSR_IA32_VMX_VMFUNC = 0x491,
};

static const struct msr *find(const struct msr *msrs, size_t count, uint32_t index)
{
    for (size_t i = 0; i < count; i++)
        if (msrs[i].index == index)
            return &msrs[i];
    return NULL;
}

/// Whether an MSR belongs to the model, also where the model leaves it as KVM has it. The PMU's is the VMM's where the
/// PMU is.
static bool is_models(uint32_t index)
{
    if (index == MSR_IA32_PERF_CAPABILITIES)
        return !settings()->keep || !strstr(settings()->keep, "pmu");
    return index == MSR_IA32_CORE_CAPABILITIES || index == MSR_IA32_ARCH_CAPABILITIES
        || (index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_VMFUNC);
}

int msrs_set(int vcpu, unsigned long request, struct kvm_msrs *list, const struct msr *msrs, size_t count)
{
    struct {
        struct kvm_msrs header;
        struct kvm_msr_entry entries[MAX_MSRS];
    } ours = {0};
    uint32_t place[MAX_MSRS];
    if (list->nmsrs >= MAX_MSRS)
        return next_ioctl(vcpu, request, list);
    for (uint32_t i = 0; i < list->nmsrs; i++) {
        struct kvm_msr_entry entry = list->entries[i];
        const struct msr *msr = find(msrs, count, entry.index);
        if (msr)
            entry.data = msr->value;
        else if (is_models(entry.index))
            continue;
        place[ours.header.nmsrs] = i;
        ours.entries[ours.header.nmsrs++] = entry;
    }
    int written = ours.header.nmsrs ? next_ioctl(vcpu, request, &ours) : 0;
    if (written < 0)
        return written;
    return (uint32_t)written == ours.header.nmsrs ? (int)list->nmsrs : (int)place[written];
}

// ---- Jobs -----------------------------------------------------------------------------------------------------------

/// JobFormat.md: where the header has the number of steps, and what a step has.
enum { STEP_COUNT_AT = 16, HEADER_SIZE = 64, SET_MSRS = 0x4008AE89 };

struct step {
    uint32_t request, vcpu, flags;
    int32_t result;
    uint64_t argument_offset, argument_size;
    unsigned char reserved[16];
};

static bool remember(struct machine *machine, uint32_t index, uint64_t value)
{
    for (size_t i = 0; i < machine->msr_count; i++) {
        if (machine->msrs[i].index == index) {
            machine->msrs[i].value = value;
            return true;
        }
    }
    if (machine->msr_count == MACHINE_MAX_MSRS)
        return false;
    machine->msrs[machine->msr_count++] = (struct msr){index, value};
    return true;
}

static bool msrs_of_step(int job, const struct step *step, struct machine *machine)
{
    uint32_t count;
    if (pread(job, &count, sizeof count, (off_t)step->argument_offset) != sizeof count)
        return true;
    for (uint32_t i = 0; i < count && i < MAX_MSRS; i++) {
        struct kvm_msr_entry entry;
        off_t at = (off_t)(step->argument_offset + sizeof(struct kvm_msrs) + i * sizeof entry);
        if (pread(job, &entry, sizeof entry, at) == sizeof entry && !remember(machine, entry.index, entry.data))
            return false;
    }
    return true;
}

bool msrs_of_job(int job, struct machine *machine)
{
    uint32_t steps;
    if (pread(job, &steps, sizeof steps, STEP_COUNT_AT) != sizeof steps)
        return true;
    for (uint32_t i = 0; i < steps; i++) {
        struct step step;
        off_t at = HEADER_SIZE + (off_t)i * (off_t)sizeof step;
        if (pread(job, &step, sizeof step, at) != sizeof step)
            return true;
        if (step.request == SET_MSRS && !msrs_of_step(job, &step, machine))
            return false;
    }
    return true;
}
