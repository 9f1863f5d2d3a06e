// SPDX-License-Identifier: Apache-2.0

#include "kvmtest_guest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>

#include "kvmtest_ioctl.h"

enum { PORT = 0xf4, MARK_AT = 0x500, CODE_AT = 0x1000, MEMORY_SIZE = 0x2000 };

enum piece { STEP, CPUID, HALT, PIECES };

/// 16-bit code; real mode with all bases 0.
static const uint8_t code[PIECES][8] = {
    [STEP] = {0xe6, PORT},                                                  // out %al, $PORT
    [CPUID] = {0x0f, 0xa2, 0xe6, PORT},                                     // cpuid; out %al, $PORT
    [HALT] = {0xc6, 0x06, MARK_AT & 0xff, MARK_AT >> 8, 1, 0xf4, 0xeb, 0xfd},  // movb $1, MARK_AT; 1: hlt; jmp 1b
};

static int map(struct kvmtest_guest *guest, int kvm)
{
    int size = kvmtest_ioctl_number(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < 0)
        return size;
    void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
    if (run == MAP_FAILED)
        return -errno;
    guest->run = run;
    guest->run_size = (uint64_t)size;
    void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    guest->memory = memory;
    return 0;
}

int kvmtest_guest_make(struct kvmtest_guest *guest, int kvm, int vm, int vcpu)
{
    *guest = (struct kvmtest_guest){.vcpu = vcpu};
    int status = map(guest, kvm);
    if (status < 0)
        return status;
    memcpy(guest->memory + CODE_AT, code, sizeof code);
    struct kvm_userspace_memory_region region = {
        .memory_size = MEMORY_SIZE, .userspace_addr = (uintptr_t)guest->memory};
    status = kvmtest_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
    if (status < 0)
        return status;
    struct kvm_sregs sregs;
    status = kvmtest_ioctl(vcpu, KVM_GET_SREGS, &sregs);
    if (status < 0)
        return status;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    return kvmtest_ioctl(vcpu, KVM_SET_SREGS, &sregs);
}

void kvmtest_guest_end(struct kvmtest_guest *guest)
{
    if (guest->run)
        munmap(guest->run, guest->run_size);
    if (guest->memory)
        munmap(guest->memory, MEMORY_SIZE);
    *guest = (struct kvmtest_guest){.vcpu = -1};
}

static int set_to(struct kvmtest_guest *guest, enum piece piece, uint32_t eax, uint32_t ecx)
{
    // Bit 1 of RFLAGS is always set; without bit 9 interrupts are off.
    struct kvm_regs regs = {.rip = CODE_AT + sizeof *code * piece, .rflags = 2, .rax = eax, .rcx = ecx};
    return kvmtest_ioctl(guest->vcpu, KVM_SET_REGS, &regs);
}

static int run_to_port(struct kvmtest_guest *guest)
{
    const struct kvm_run *run = guest->run;
    int status;
    do {
        status = kvmtest_ioctl_number(guest->vcpu, KVM_RUN, 0);
    } while (status == -EINTR || status == -EAGAIN);
    if (status < 0)
        return status;
    return run->exit_reason == KVM_EXIT_IO && run->io.port == PORT ? 0 : -EPROTO;
}

int kvmtest_guest_step(struct kvmtest_guest *guest)
{
    int status = set_to(guest, STEP, 0, 0);
    return status < 0 ? status : run_to_port(guest);
}

int kvmtest_guest_cpuid(struct kvmtest_guest *guest, uint32_t registers[4])
{
    struct kvm_regs regs;
    int status = set_to(guest, CPUID, registers[0], registers[2]);
    if (status < 0 || (status = run_to_port(guest)) < 0)
        return status;
    status = kvmtest_ioctl(guest->vcpu, KVM_GET_REGS, &regs);
    if (status < 0)
        return status;
    registers[0] = (uint32_t)regs.rax;
    registers[1] = (uint32_t)regs.rbx;
    registers[2] = (uint32_t)regs.rcx;
    registers[3] = (uint32_t)regs.rdx;
    return 0;
}

int kvmtest_guest_prepare_halt(struct kvmtest_guest *guest)
{
    guest->memory[MARK_AT] = 0;
    return set_to(guest, HALT, 0, 0);
}

bool kvmtest_guest_is_halting(const struct kvmtest_guest *guest)
{
    return *(volatile const uint8_t *)(guest->memory + MARK_AT) == 1;
}

void kvmtest_guest_set_immediate_exit(struct kvmtest_guest *guest, bool on)
{
    volatile struct kvm_run *run = guest->run;
    run->immediate_exit = on;
}
