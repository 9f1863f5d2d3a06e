// SPDX-License-Identifier: Apache-2.0

#include "toggle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
    CR4_OSXSAVE = 1 << 18,
    CR4_PKE = 1 << 22,
    IA32_APIC_BASE = 0x1b,
    APIC_ENABLE = 1 << 11,
};

/// CR4.OSXSAVE first and last, for XSETBV needs it.
static const char *const steps[] = {
    "look", "osxsave on", "xcr0 model", "pke on", "apic off", "apic on", "pke off", "xcr0 1", "osxsave off",
};

static const struct {
    uint32_t leaf, subleaf;
} leaves[TOGGLE_LEAVES] = {{1, 0}, {7, 0}, {0xd, 0}, {0xd, 1}};

static int refuse(struct standing *standing, const char *reason)
{
    snprintf(standing->failure, sizeof standing->failure, "%s", reason);
    return 0;
}

static int fail(struct standing *standing, const char *reason)
{
    snprintf(standing->failure, sizeof standing->failure, "%s", reason);
    return -1;
}

static int fail_call(struct standing *standing, const char *call)
{
    snprintf(standing->failure, sizeof standing->failure, "%s: %m", call);
    return -1;
}

// ---- The vCPU's state -----------------------------------------------------------------------------------------------

static int get_sregs(const struct toggle *toggle, struct kvm_sregs *sregs, struct standing *standing)
{
    return ioctl(toggle->guest->vcpu, KVM_GET_SREGS, sregs) < 0 ? fail_call(standing, "KVM_GET_SREGS") : 0;
}

static struct kvm_xcr *find_xcr0(struct kvm_xcrs *xcrs)
{
    for (uint32_t i = 0; i < xcrs->nr_xcrs && i < KVM_MAX_XCRS; i++)
        if (xcrs->xcrs[i].xcr == 0)
            return &xcrs->xcrs[i];
    return NULL;
}

/// XCR0 as KVM has it; 0 on a host without XSAVE.
static uint64_t get_xcr0(const struct toggle *toggle)
{
    struct kvm_xcrs xcrs = {0};
    if (ioctl(toggle->guest->vcpu, KVM_GET_XCRS, &xcrs) < 0)
        return 0;
    const struct kvm_xcr *xcr0 = find_xcr0(&xcrs);
    return xcr0 ? xcr0->value : 0;
}

// ---- What the guest does --------------------------------------------------------------------------------------------

static int execute(struct toggle *toggle, enum instruction instruction, struct registers registers,
    struct standing *standing)
{
    if (guest_execute(toggle->guest, instruction, &registers) < 0)
        return fail(standing, toggle->guest->failure);
    return 0;
}

static int set_cr4(struct toggle *toggle, uint32_t bit, bool on, struct standing *standing)
{
    struct kvm_sregs sregs;
    if (get_sregs(toggle, &sregs, standing) < 0)
        return -1;
    uint32_t cr4 = (uint32_t)sregs.cr4;
    cr4 = on ? cr4 | bit : cr4 & ~bit;
    return execute(toggle, GUEST_SET_CR4, (struct registers){.ebx = cr4}, standing);
}

static int set_apic(struct toggle *toggle, bool on, struct standing *standing)
{
    struct kvm_sregs sregs;
    if (get_sregs(toggle, &sregs, standing) < 0)
        return -1;
    uint64_t base = on ? sregs.apic_base | APIC_ENABLE : sregs.apic_base & ~(uint64_t)APIC_ENABLE;
    const struct registers registers = {
        .ecx = IA32_APIC_BASE, .eax = (uint32_t)base, .edx = (uint32_t)(base >> 32)};
    return execute(toggle, GUEST_WRMSR, registers, standing);
}

static int set_xcr0(struct toggle *toggle, uint64_t value, struct standing *standing)
{
    struct kvm_sregs sregs;
    if (get_sregs(toggle, &sregs, standing) < 0)
        return -1;
    if (!(sregs.cr4 & CR4_OSXSAVE))
        return refuse(standing, "XSETBV needs CR4.OSXSAVE: give 'osxsave on' first");
    const struct registers registers = {.eax = (uint32_t)value, .edx = (uint32_t)(value >> 32)};
    // KVM puts the host's XCR0 back only where it knows the guest's to be another. So no guest may change it a second
    // time behind KVM's back: the host would be left with it, and crash.
    if (!toggle->blind && execute(toggle, GUEST_XSETBV, registers, standing) < 0)
        return -1;
    if (get_xcr0(toggle) == value)
        return 0;
    toggle->blind = true;
    standing->note = "KVM does not see a guest's XSETBV here, as happens under QEMU's TCG; the VMM sets XCR0 instead";
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs = {{.value = value}}};
    return ioctl(toggle->guest->vcpu, KVM_SET_XCRS, &xcrs) < 0 ? fail_call(standing, "KVM_SET_XCRS") : 0;
}

// ---- Commands -------------------------------------------------------------------------------------------------------

static bool can(const struct toggle *toggle, const char *command)
{
    if (!strncmp(command, "osxsave", 7) || !strncmp(command, "xcr0", 4))
        return toggle->has_xsave;
    if (!strncmp(command, "pke", 3))
        return toggle->has_pku;
    return toggle->has_apic || strncmp(command, "apic", 4) != 0;
}

static bool read_switch(const char *command, const char *name, bool *on)
{
    size_t length = strlen(name);
    if (strncmp(command, name, length) || command[length] != ' ')
        return false;
    *on = !strcmp(command + length + 1, "on");
    return *on || !strcmp(command + length + 1, "off");
}

static bool read_xcr0(const struct toggle *toggle, const char *command, uint64_t *value)
{
    char *end;
    if (strncmp(command, "xcr0 ", 5))
        return false;
    *value = toggle->model_xcr0;
    if (!strcmp(command + 5, "model"))
        return true;
    errno = 0;
    *value = strtoull(command + 5, &end, 0);
    return command[5] >= '0' && command[5] <= '9' && errno == 0 && *end == 0;
}

static int obey(struct toggle *toggle, const char *command, struct standing *standing)
{
    bool on;
    uint64_t value;
    if (!can(toggle, command))
        return refuse(standing, "the model has no such feature");
    if (!strcmp(command, "look"))
        return 0;
    if (read_switch(command, "osxsave", &on))
        return set_cr4(toggle, CR4_OSXSAVE, on, standing);
    if (read_switch(command, "pke", &on))
        return set_cr4(toggle, CR4_PKE, on, standing);
    if (read_switch(command, "apic", &on))
        return set_apic(toggle, on, standing);
    if (read_xcr0(toggle, command, &value))
        return set_xcr0(toggle, value, standing);
    return refuse(
        standing, "expected step, look, osxsave on|off, pke on|off, apic on|off, xcr0 VALUE, xcr0 model, or quit");
}

// ---- Looking --------------------------------------------------------------------------------------------------------

static int look(struct toggle *toggle, struct standing *standing)
{
    static struct table table;
    struct kvm_sregs sregs;
    for (int i = 0; i < TOGGLE_LEAVES; i++) {
        struct registers *seen = &standing->leaves[i].guest;
        standing->leaves[i].leaf = leaves[i].leaf;
        standing->leaves[i].subleaf = leaves[i].subleaf;
        *seen = (struct registers){.eax = leaves[i].leaf, .ecx = leaves[i].subleaf};
        if (guest_execute(toggle->guest, GUEST_CPUID, seen) < 0)
            return fail(standing, toggle->guest->failure);
        standing->sighting.asked++;
    }
    if (table_read(&table, toggle->guest->vcpu) < 0)
        return fail_call(standing, "KVM_GET_CPUID2");
    if (get_sregs(toggle, &sregs, standing) < 0)
        return -1;
    for (int i = 0; i < TOGGLE_LEAVES; i++) {
        const struct kvm_cpuid_entry2 answer = table_answer(&table, leaves[i].leaf, leaves[i].subleaf);
        standing->leaves[i].present = table_find(&table, leaves[i].leaf, leaves[i].subleaf);
        standing->leaves[i].table = (struct registers){answer.eax, answer.ebx, answer.ecx, answer.edx};
        look_compare(&table, leaves[i].leaf, leaves[i].subleaf, &standing->leaves[i].guest, &standing->sighting);
    }
    standing->cr4 = sregs.cr4;
    standing->apic_base = sregs.apic_base;
    standing->xcr0 = get_xcr0(toggle);
    return 0;
}

// ---- From outside ---------------------------------------------------------------------------------------------------

int toggle_start(struct toggle *toggle, struct guest *guest)
{
    static struct table table;
    *toggle = (struct toggle){.guest = guest};
    if (table_read(&table, guest->vcpu) < 0) {
        snprintf(guest->failure, sizeof guest->failure, "KVM_GET_CPUID2: %m");
        return -1;
    }
    const struct kvm_cpuid_entry2 *leaf1 = table_find(&table, 1, 0), *leaf7 = table_find(&table, 7, 0);
    const struct kvm_cpuid_entry2 *xsave = table_find(&table, 0xd, 0);
    toggle->has_xsave = leaf1 && xsave && leaf1->ecx >> 26 & 1;
    toggle->has_apic = leaf1 && leaf1->edx >> 9 & 1;
    toggle->has_pku = leaf7 && leaf7->ecx >> 3 & 1;
    toggle->model_xcr0 = xsave ? xsave->eax | (uint64_t)xsave->edx << 32 : 0;
    return 0;
}

const char *toggle_next(struct toggle *toggle)
{
    while (toggle->next < sizeof steps / sizeof *steps) {
        const char *step = steps[toggle->next++];
        if (can(toggle, step))
            return step;
    }
    toggle->next = 0;
    return NULL;
}

int toggle_do(struct toggle *toggle, const char *command, struct standing *standing)
{
    *standing = (struct standing){.sighting.mode = toggle->guest->mode};
    snprintf(standing->step, sizeof standing->step, "%s", command);
    return obey(toggle, command, standing) < 0 ? -1 : look(toggle, standing);
}
