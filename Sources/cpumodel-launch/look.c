// SPDX-License-Identifier: Apache-2.0

#include "look.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/// Leaves that tables do not have: beyond each range, and a topology level too many.
static const struct {
    uint32_t leaf, subleaf;
} absent[] = {{0x0fff0000, 0}, {0x4fff0000, 0}, {0x8fff0000, 0}, {0xc0000000, 0}, {0xb, 9}, {0x1f, 9}};

/// KVM changes two things only in the moment a guest executes CPUID, so the table cannot show them.
static const char *rule_for(uint32_t leaf, uint32_t subleaf, int reg, uint32_t table, uint32_t guest)
{
    uint32_t gone = table & ~guest, come = guest & ~table;
    const uint32_t tsx = 1u << 4 | 1u << 11, invariant_tsc = 1u << 8;
    if (leaf == 7 && subleaf == 0 && reg == 1 && !come && !(gone & ~tsx))
        return "HLE and RTM are hidden while IA32_TSX_CTRL bit 1 is set";
    if (leaf == 0x80000007 && reg == 3 && !come && gone == invariant_tsc)
        return "InvariantTSC is hidden until a Hyper-V guest asks for it";
    return NULL;
}

void look_compare(
    const struct table *table, uint32_t leaf, uint32_t subleaf, const struct registers *seen,
    struct sighting *sighting)
{
    static const char *const names[] = {"eax", "ebx", "ecx", "edx"};
    const struct kvm_cpuid_entry2 answer = table_answer(table, leaf, subleaf);
    const uint32_t expected[] = {answer.eax, answer.ebx, answer.ecx, answer.edx};
    const uint32_t got[] = {seen->eax, seen->ebx, seen->ecx, seen->edx};
    for (int i = 0; i < 4; i++) {
        if (got[i] == expected[i])
            continue;
        const char *rule = rule_for(leaf, subleaf, i, expected[i], got[i]);
        sighting->unexplained += !rule;
        if (sighting->surprise_count < MAX_SURPRISES)
            sighting->surprises[sighting->surprise_count++] =
                (struct surprise){leaf, subleaf, names[i], expected[i], got[i], rule};
    }
}

void look_at_all(struct guest *guest, struct sighting *sighting)
{
    static struct table table;
    *sighting = (struct sighting){.mode = guest->mode};
    // Read now: entering the guest's mode changed bits that KVM keeps up to date.
    if (table_read(&table, guest->vcpu) < 0) {
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_GET_CPUID2: %m");
        return;
    }
    const uint32_t extra = sizeof absent / sizeof *absent;
    for (uint32_t i = 0; i < table.count + extra; i++) {
        bool present = i < table.count;
        uint32_t leaf = present ? table.entries[i].function : absent[i - table.count].leaf;
        uint32_t subleaf = present ? table.entries[i].index : absent[i - table.count].subleaf;
        struct registers registers = {.eax = leaf, .ecx = subleaf};
        if (guest_execute(guest, GUEST_CPUID, &registers) < 0) {
            memcpy(sighting->failure, guest->failure, sizeof sighting->failure);
            return;
        }
        sighting->asked++;
        look_compare(&table, leaf, subleaf, &registers, sighting);
    }
}
