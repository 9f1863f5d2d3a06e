// SPDX-License-Identifier: Apache-2.0

#ifndef KVMTEST_IOCTL_H
#define KVMTEST_IOCTL_H

#include <linux/kvm.h>
#include <stdint.h>

// Request numbers, which <linux/kvm.h> writes as macros with casts.
static const unsigned long KVMTEST_CHECK_EXTENSION = KVM_CHECK_EXTENSION;
static const unsigned long KVMTEST_CREATE_VM = KVM_CREATE_VM;
static const unsigned long KVMTEST_CREATE_VCPU = KVM_CREATE_VCPU;
static const unsigned long KVMTEST_CREATE_IRQCHIP = KVM_CREATE_IRQCHIP;
static const unsigned long KVMTEST_SET_TSS_ADDR = KVM_SET_TSS_ADDR;
static const unsigned long KVMTEST_ENABLE_CAP = KVM_ENABLE_CAP;
static const unsigned long KVMTEST_GET_MSR_INDEX_LIST = KVM_GET_MSR_INDEX_LIST;
static const unsigned long KVMTEST_GET_SUPPORTED_CPUID = KVM_GET_SUPPORTED_CPUID;
static const unsigned long KVMTEST_GET_EMULATED_CPUID = KVM_GET_EMULATED_CPUID;
static const unsigned long KVMTEST_GET_CPUID2 = KVM_GET_CPUID2;
static const unsigned long KVMTEST_SET_CPUID2 = KVM_SET_CPUID2;
static const unsigned long KVMTEST_GET_SREGS = KVM_GET_SREGS;
static const unsigned long KVMTEST_SET_SREGS = KVM_SET_SREGS;
static const unsigned long KVMTEST_GET_MSRS = KVM_GET_MSRS;
static const unsigned long KVMTEST_SET_MSRS = KVM_SET_MSRS;
static const unsigned long KVMTEST_SET_XCRS = KVM_SET_XCRS;
static const unsigned long KVMTEST_GET_LAPIC = KVM_GET_LAPIC;
static const unsigned long KVMTEST_GET_STATS_FD = KVM_GET_STATS_FD;
static const unsigned long KVMTEST_RUN = KVM_RUN;

/// FIONREAD, an ioctl(2) that is no business of KVM's.
static const unsigned long KVMTEST_NOT_KVM = 0x541B;

/// ioctl(2), made once.
int kvmtest_ioctl(int fd, unsigned long request, void *argument);

/// The same for ioctls whose argument is a number.
int kvmtest_ioctl_number(int fd, unsigned long request, unsigned long argument);

/// KVM_GET_SUPPORTED_CPUID into `table`, a struct kvm_cpuid2 with its count set, made on the CPU with that number.
/// `apic_id` is what CPUID says on that CPU in leaf 1, EBX bits 31:24. -EINVAL when there is no such CPU for us.
int kvmtest_supported_cpuid_on(int cpu, int kvm, void *table, uint32_t *apic_id);

/// The numbers of CPUs that this thread may run on, at most `capacity` of them.
int kvmtest_cpus(int *cpus, int capacity);

/// arch_prctl(ARCH_GET_XCOMP_SUPP): the XSAVE components that Linux has for programs; 0 where it cannot say.
uint64_t kvmtest_xsave_components(void);

#endif
