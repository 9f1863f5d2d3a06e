// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "kvmtest_ioctl.h"

#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARCH_GET_XCOMP_SUPP_NUMBER = 0x1021 };  // <asm/prctl.h> of Linux 5.16 and later

int kvmtest_ioctl(int fd, unsigned long request, void *argument)
{
    int value = ioctl(fd, request, argument);
    return value < 0 ? -errno : value;
}

int kvmtest_ioctl_number(int fd, unsigned long request, unsigned long argument)
{
    int value = ioctl(fd, request, argument);
    return value < 0 ? -errno : value;
}

int kvmtest_supported_cpuid_on(int cpu, int kvm, void *table, uint32_t *apic_id)
{
    cpu_set_t before, one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_getaffinity(0, sizeof before, &before) < 0 || sched_setaffinity(0, sizeof one, &one) < 0)
        return -errno;
    int status = kvmtest_ioctl(kvm, KVM_GET_SUPPORTED_CPUID, table);
    unsigned eax, ebx, ecx, edx;
    __cpuid(1, eax, ebx, ecx, edx);
    *apic_id = ebx >> 24;
    sched_setaffinity(0, sizeof before, &before);
    return status;
}

int kvmtest_cpus(int *cpus, int capacity)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return -errno;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < capacity; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[count++] = cpu;
    return count;
}

uint64_t kvmtest_xsave_components(void)
{
    uint64_t components = 0;
    return syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP_NUMBER, &components) < 0 ? 0 : components;
}
