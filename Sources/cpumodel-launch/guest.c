// SPDX-License-Identifier: Apache-2.0

#include "guest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/// The guest, the same bytes in 16-bit and in 64-bit code:
///
///     again:  cpuid
///             out   %al, $0xf4      # "look at my registers, and put the next leaf into them"
///             jmp   again
static const unsigned char program[] = {0x0f, 0xa2, 0xe6, 0xf4, 0xeb, 0xfa};

enum {
    PORT = 0xf4,
    PROGRAM_AT = 0x1000,
    PML4_AT = 0x10000,
    PDPT_AT = 0x11000,
    PD_AT = 0x12000,
};

/// Leaves that tables do not have: beyond each range, and a topology level too many.
static const struct {
    uint32_t leaf, subleaf;
} absent[] = {{0x0fff0000, 0}, {0x4fff0000, 0}, {0x8fff0000, 0}, {0xc0000000, 0}, {0xb, 9}, {0x1f, 9}};

// ---- Starting -------------------------------------------------------------------------------------------------------

static bool has_long_mode(const struct table *table)
{
    const struct kvm_cpuid_entry2 *entry = table_find(table, 0x80000001, 0);
    return entry && entry->edx >> 29 & 1;
}

static void put_entry(unsigned char *memory, size_t at, uint64_t entry)
{
    memcpy(memory + at, &entry, sizeof entry);
}

/// 64-bit code over one 2 MiB page mapped to itself (Intel SDM volume 3A, 4.5 and 10.8.5).
static void enter_long_mode(struct kvm_sregs *sregs, unsigned char *memory)
{
    const uint64_t present_writable = 3, large_page = 0x80;
    put_entry(memory, PML4_AT, PDPT_AT | present_writable);
    put_entry(memory, PDPT_AT, PD_AT | present_writable);
    put_entry(memory, PD_AT, 0 | large_page | present_writable);
    const struct kvm_segment code = {
        .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
    const struct kvm_segment data = {
        .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
    sregs->cs = code;
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
    sregs->cr3 = PML4_AT;
    sregs->cr4 |= 1u << 5;                          // PAE
    sregs->cr0 |= 1u << 31 | 1u << 0;               // PG, PE
    sregs->efer |= 1u << 10 | 1u << 8;              // LMA, LME
    // No interrupt table: whatever goes wrong is a shutdown, which the VMM is told.
    sregs->idt.limit = 0;
}

static void enter_real_mode(struct kvm_sregs *sregs)
{
    sregs->cs.base = 0;
    sregs->cs.selector = 0;
}

static int start(const struct machine *machine, const struct table *table, struct sighting *sighting)
{
    int vcpu = machine->vcpus[0];
    struct kvm_sregs sregs;
    if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0) {
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_GET_SREGS: %m");
        return -1;
    }
    memcpy(machine->memory + PROGRAM_AT, program, sizeof program);
    sighting->mode = has_long_mode(table) ? "long" : "real";
    if (has_long_mode(table))
        enter_long_mode(&sregs, machine->memory);
    else
        enter_real_mode(&sregs);
    if (ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0)
        return 0;
    snprintf(sighting->failure, sizeof sighting->failure, "KVM_SET_SREGS for %s mode: %m", sighting->mode);
    return -1;
}

// ---- Asking ---------------------------------------------------------------------------------------------------------

static const char *exit_words(const struct kvm_run *run, char *buffer, size_t size)
{
    switch (run->exit_reason) {
    case KVM_EXIT_SHUTDOWN:
        return "the guest took an exception and shut down";
    case KVM_EXIT_INTERNAL_ERROR:
        snprintf(buffer, size, "KVM internal error, suberror %u", run->internal.suberror);
        return buffer;
    case KVM_EXIT_FAIL_ENTRY:
        snprintf(
            buffer, size, "the CPU refused to enter the guest, reason 0x%llx",
            (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        return buffer;
    default:
        snprintf(buffer, size, "unexpected exit %u from KVM_RUN", run->exit_reason);
        return buffer;
    }
}

/// Runs the guest until it reports. Returns 0, or -1 with the failure in words.
static int run_until_report(int vcpu, const struct kvm_run *run, struct sighting *sighting)
{
    int status;
    char buffer[96];
    do {
        status = ioctl(vcpu, KVM_RUN, 0);
    } while (status < 0 && (errno == EINTR || errno == EAGAIN));
    if (status < 0)
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_RUN: %m");
    else if (run->exit_reason == KVM_EXIT_IO && run->io.port == PORT)
        return 0;
    else
        snprintf(sighting->failure, sizeof sighting->failure, "%s", exit_words(run, buffer, sizeof buffer));
    return -1;
}

/// Has the guest execute CPUID once.
static int ask(
    int vcpu, const struct kvm_run *run, uint32_t leaf, uint32_t subleaf, struct kvm_regs *regs,
    struct sighting *sighting)
{
    regs->rax = leaf;
    regs->rcx = subleaf;
    if (ioctl(vcpu, KVM_SET_REGS, regs) < 0) {
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_SET_REGS: %m");
        return -1;
    }
    if (run_until_report(vcpu, run, sighting) < 0)
        return -1;
    if (ioctl(vcpu, KVM_GET_REGS, regs) < 0) {
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_GET_REGS: %m");
        return -1;
    }
    sighting->asked++;
    return 0;
}

// ---- Comparing ------------------------------------------------------------------------------------------------------

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

static void compare(const struct table *table, uint32_t leaf, uint32_t subleaf, const struct kvm_regs *regs,
    struct sighting *sighting)
{
    static const char *const names[] = {"eax", "ebx", "ecx", "edx"};
    const struct kvm_cpuid_entry2 answer = table_answer(table, leaf, subleaf);
    const uint32_t expected[] = {answer.eax, answer.ebx, answer.ecx, answer.edx};
    const uint32_t seen[] = {(uint32_t)regs->rax, (uint32_t)regs->rbx, (uint32_t)regs->rcx, (uint32_t)regs->rdx};
    for (int i = 0; i < 4; i++) {
        if (seen[i] == expected[i])
            continue;
        const char *rule = rule_for(leaf, subleaf, i, expected[i], seen[i]);
        sighting->unexplained += !rule;
        if (sighting->surprise_count < MAX_SURPRISES)
            sighting->surprises[sighting->surprise_count++] =
                (struct surprise){leaf, subleaf, names[i], expected[i], seen[i], rule};
    }
}

static void look_at_all(const struct machine *machine, const struct kvm_run *run, struct sighting *sighting)
{
    int vcpu = machine->vcpus[0];
    static struct table table;
    struct kvm_regs regs = {.rip = PROGRAM_AT, .rflags = 2};
    if (table_read(&table, vcpu) < 0) {
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_GET_CPUID2: %m");
        return;
    }
    if (start(machine, &table, sighting) < 0)
        return;
    // Setting the registers of the guest's mode changes bits that KVM keeps up to date.
    table_read(&table, vcpu);
    const uint32_t extra = sizeof absent / sizeof *absent;
    for (uint32_t i = 0; i < table.count + extra; i++) {
        bool present = i < table.count;
        uint32_t leaf = present ? table.entries[i].function : absent[i - table.count].leaf;
        uint32_t subleaf = present ? table.entries[i].index : absent[i - table.count].subleaf;
        if (ask(vcpu, run, leaf, subleaf, &regs, sighting) < 0)
            return;
        compare(&table, leaf, subleaf, &regs, sighting);
    }
}

void guest_look(const struct machine *machine, struct sighting *sighting)
{
    *sighting = (struct sighting){.mode = "real"};
    int size = ioctl(machine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run)) {
        snprintf(sighting->failure, sizeof sighting->failure, "KVM_GET_VCPU_MMAP_SIZE: %m");
        return;
    }
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpus[0], 0);
    if (run == MAP_FAILED) {
        snprintf(sighting->failure, sizeof sighting->failure, "cannot map kvm_run: %m");
        return;
    }
    look_at_all(machine, run, sighting);
    munmap(run, (size_t)size);
}
