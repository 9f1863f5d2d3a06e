// SPDX-License-Identifier: Apache-2.0

#include "base.h"

#include <linux/kvm.h>

enum { MAX_ENTRIES = 256 };

bool cpumodel_base_fits(const struct kvm_cpuid2 *table)
{
    return table && table->nent <= MAX_ENTRIES;
}

static void write_entry(struct text *params, const struct kvm_cpuid_entry2 *entry)
{
    cpumodel_text_format(params, "{\"leaf\":\"0x%08x\"", entry->function);
    if (entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)
        cpumodel_text_format(params, ",\"subleaf\":\"0x%x\"", entry->index);
    cpumodel_text_format(
        params, ",\"eax\":\"0x%08x\",\"ebx\":\"0x%08x\",\"ecx\":\"0x%08x\",\"edx\":\"0x%08x\"}", entry->eax,
        entry->ebx, entry->ecx, entry->edx);
}

static void write_table(struct text *params, const struct kvm_cpuid2 *table)
{
    cpumodel_text_add(params, "[", 1);
    for (unsigned i = 0; i < table->nent; i++) {
        if (i)
            cpumodel_text_add(params, ",", 1);
        write_entry(params, &table->entries[i]);
    }
    cpumodel_text_add(params, "]", 1);
}

void cpumodel_base_write(struct text *params, const struct kvm_cpuid2 *const *tables, unsigned count)
{
    cpumodel_text_format(params, ",\"base\":[");
    for (unsigned i = 0; i < count; i++) {
        if (i)
            cpumodel_text_add(params, ",", 1);
        write_table(params, tables[i]);
    }
    cpumodel_text_add(params, "]", 1);
}
