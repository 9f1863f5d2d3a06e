// SPDX-License-Identifier: Apache-2.0
//
// Stands between a VMM and the kernel: notes which descriptors are vCPUs, and has the daemon lay a model over every
// table that is set. Whatever it does, the VMM sees an ioctl that succeeded, or one that failed with an errno.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "machines.h"
#include "msrs.h"
#include "next.h"
#include "overlay.h"
#include "settings.h"

/// Whether this thread is here already: the ioctls of a job are not the VMM's.
static _Thread_local bool inside;

static int create_vm(int fd, unsigned long request, void *argument)
{
    int vm = next_ioctl(fd, request, argument), saved = errno;
    if (vm >= 0)
        machines_vm_created(vm);
    errno = saved;
    return vm;
}

static int create_vcpu(int fd, unsigned long request, void *argument)
{
    int vcpu = next_ioctl(fd, request, argument), saved = errno;
    if (vcpu >= 0)
        machines_vcpu_created(fd, vcpu);
    errno = saved;
    return vcpu;
}

static int set_cpuid(int fd, unsigned long request, struct kvm_cpuid2 *table)
{
    enum { MAX_ENTRIES = 256 };
    int saved = errno, code = 0;
    enum outcome outcome = OVERLAY_PASSED;
    // What KVM refuses anyway is KVM's to refuse.
    if (table && table->nent <= MAX_ENTRIES && machines_is_vcpu(fd)) {
        inside = true;
        outcome = overlay_apply(fd, table, &code);
        inside = false;
    }
    errno = saved;
    if (outcome == OVERLAY_PASSED)
        return next_ioctl(fd, request, table);
    if (outcome == OVERLAY_APPLIED)
        return 0;
    errno = code;
    return -1;
}

static int set_msrs(int fd, unsigned long request, struct kvm_msrs *list)
{
    struct machine machine;
    int saved = errno;
    bool is_models = list && machines_registered(fd, &machine);
    errno = saved;
    return is_models ? msrs_set(fd, request, list, machine.msrs, machine.msr_count) : next_ioctl(fd, request, list);
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (inside || !settings()->model)
        return next_ioctl(fd, request, argument);
    // The kernel takes 32 bits. A caller that keeps a request in an int extends its sign.
    switch ((uint32_t)request) {
    case KVM_CREATE_VM: return create_vm(fd, request, argument);
    case KVM_CREATE_VCPU: return create_vcpu(fd, request, argument);
    case KVM_SET_CPUID2: return set_cpuid(fd, request, argument);
    case KVM_SET_MSRS: return set_msrs(fd, request, argument);
    default: return next_ioctl(fd, request, argument);
    }
}
