// SPDX-License-Identifier: Apache-2.0

#include "machine.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MEMORY_SIZE = 2 << 20, IOAPIC_PINS = 24 };

/// The fewest bits that can hold `count` different numbers.
static unsigned bits_for(unsigned count)
{
    unsigned bits = 0;
    while (1u << bits < count)
        bits++;
    return bits;
}

/// The x2APIC id of the vCPU at `position`: a bit field a level, each just wide enough, threads lowest (Intel SDM
/// volume 3A, 9.9). With a local APIC in the kernel this is the vCPU id too.
static unsigned apic_id(unsigned position, const struct cpumodel_topology *topology)
{
    const unsigned counts[] = {topology->threads, topology->cores, topology->modules, topology->dies};
    unsigned id = 0, shift = 0;
    if (!topology->sockets)
        return position;
    for (int level = 0; level < 4; level++) {
        id |= position % counts[level] << shift;
        position /= counts[level];
        shift += bits_for(counts[level]);
    }
    return id | position << shift;
}

/// KVM wants the interrupt controller before the first vCPU. The split one, local APICs only, is what VMMs of today
/// use.
static const char *make_irqchip(int vm)
{
    struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {IOAPIC_PINS}};
    if (ioctl(vm, KVM_ENABLE_CAP, &split) == 0)
        return "split, local APICs in the kernel";
    if (ioctl(vm, KVM_CREATE_IRQCHIP, 0) == 0)
        return "all in the kernel";
    warn("KVM has no interrupt controller to offer, so vCPU ids are not APIC ids");
    return "none";
}

static int make_memory(struct machine *machine)
{
    machine->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (machine->memory == MAP_FAILED) {
        machine->memory = NULL;
        return -1;
    }
    machine->memory_size = MEMORY_SIZE;
    struct kvm_userspace_memory_region region = {
        .memory_size = MEMORY_SIZE, .userspace_addr = (uintptr_t)machine->memory};
    return ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/// A descriptor for each vCPU, and the daemon's copies of them while a job runs.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int machine_make(struct machine *machine, unsigned vcpu_count, const struct cpumodel_topology *topology)
{
    *machine = (struct machine){.vm = -1};
    raise_descriptor_limit();
    machine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (machine->kvm < 0) {
        warn("cannot open /dev/kvm");
        return -1;
    }
    machine->vm = ioctl(machine->kvm, KVM_CREATE_VM, 0);
    if (machine->vm < 0) {
        warn("KVM_CREATE_VM");
        return -1;
    }
    // Intel CPUs without unrestricted guests need three pages to enter real mode; others ignore the call.
    ioctl(machine->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
    machine->irqchip = make_irqchip(machine->vm);
    if (make_memory(machine) < 0) {
        warn("cannot make guest memory");
        return -1;
    }
    machine->vcpus = calloc(vcpu_count, sizeof *machine->vcpus);
    if (!machine->vcpus) {
        warn("vCPUs");
        return -1;
    }
    for (; machine->vcpu_count < vcpu_count; machine->vcpu_count++) {
        unsigned id = apic_id(machine->vcpu_count, topology);
        int vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, (unsigned long)id);
        if (vcpu < 0) {
            warn("KVM_CREATE_VCPU of vCPU %u with id %u", machine->vcpu_count, id);
            return -1;
        }
        machine->vcpus[machine->vcpu_count] = vcpu;
    }
    return 0;
}

void machine_end(struct machine *machine)
{
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        close(machine->vcpus[i]);
    free(machine->vcpus);
    if (machine->memory)
        munmap(machine->memory, machine->memory_size);
    if (machine->vm >= 0)
        close(machine->vm);
    if (machine->kvm >= 0)
        close(machine->kvm);
}
