// SPDX-License-Identifier: Apache-2.0

#include "guest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "table.h"

enum {
    PORT = 0xf4,
    PROGRAM_AT = 0x1000,
    PML4_AT = 0x10000,
    PDPT_AT = 0x11000,
    PD_AT = 0x12000,
};

/// The guest's code, the same bytes in 16-bit and in 64-bit mode: an instruction, and `out %al, $PORT`, which says
/// "look at my registers, and set me to the next". Each has eight bytes of room.
static const unsigned char program[INSTRUCTION_COUNT][8] = {
    [GUEST_CPUID] = {0x0f, 0xa2, 0xe6, PORT},
    [GUEST_SET_CR4] = {0x0f, 0x22, 0xe3, 0xe6, PORT},  // mov %ebx, %cr4; %rbx in long mode
    [GUEST_XSETBV] = {0x0f, 0x01, 0xd1, 0xe6, PORT},
    [GUEST_WRMSR] = {0x0f, 0x30, 0xe6, PORT},
};

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

static int fail(struct guest *guest, const char *call)
{
    snprintf(guest->failure, sizeof guest->failure, "%s: %m", call);
    return -1;
}

static int map_run(struct guest *guest, const struct machine *machine)
{
    int size = ioctl(machine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < (int)sizeof(struct kvm_run))
        return fail(guest, "KVM_GET_VCPU_MMAP_SIZE");
    void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
    if (run == MAP_FAILED)
        return fail(guest, "cannot map kvm_run");
    guest->run = run;
    guest->run_size = (size_t)size;
    return 0;
}

int guest_start(struct guest *guest, const struct machine *machine)
{
    static struct table table;
    struct kvm_sregs sregs;
    *guest = (struct guest){.vcpu = machine->vcpus[0], .mode = "real"};
    if (map_run(guest, machine) < 0)
        return -1;
    if (table_read(&table, guest->vcpu) < 0)
        return fail(guest, "KVM_GET_CPUID2");
    if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
        return fail(guest, "KVM_GET_SREGS");
    memcpy(machine->memory + PROGRAM_AT, program, sizeof program);
    if (has_long_mode(&table)) {
        guest->mode = "long";
        enter_long_mode(&sregs, machine->memory);
    } else {
        enter_real_mode(&sregs);
    }
    return ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) < 0 ? fail(guest, "KVM_SET_SREGS for its mode") : 0;
}

void guest_end(struct guest *guest)
{
    if (guest->run)
        munmap(guest->run, guest->run_size);
    guest->run = NULL;
}

// ---- Running --------------------------------------------------------------------------------------------------------

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

static int run_until_report(struct guest *guest)
{
    int status;
    char buffer[96];
    do {
        status = ioctl(guest->vcpu, KVM_RUN, 0);
    } while (status < 0 && (errno == EINTR || errno == EAGAIN));
    if (status < 0)
        return fail(guest, "KVM_RUN");
    if (guest->run->exit_reason == KVM_EXIT_IO && guest->run->io.port == PORT)
        return 0;
    snprintf(guest->failure, sizeof guest->failure, "%s", exit_words(guest->run, buffer, sizeof buffer));
    return -1;
}

int guest_execute(struct guest *guest, enum instruction instruction, struct registers *registers)
{
    // KVM steps over the `out` that it reported only where the guest is still at it, so it can be set elsewhere.
    struct kvm_regs regs = {
        .rip = PROGRAM_AT + sizeof *program * instruction,
        .rflags = 2,
        .rax = registers->eax,
        .rbx = registers->ebx,
        .rcx = registers->ecx,
        .rdx = registers->edx,
    };
    if (ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
        return fail(guest, "KVM_SET_REGS");
    if (run_until_report(guest) < 0)
        return -1;
    if (ioctl(guest->vcpu, KVM_GET_REGS, &regs) < 0)
        return fail(guest, "KVM_GET_REGS");
    *registers = (struct registers){(uint32_t)regs.rax, (uint32_t)regs.rbx, (uint32_t)regs.rcx, (uint32_t)regs.rdx};
    return 0;
}
