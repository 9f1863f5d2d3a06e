// SPDX-License-Identifier: Apache-2.0
//
// Which descriptors of this process are vCPUs, and of which VM. Each function takes the library's own lock for as long as
// it looks; none is held while anybody waits.

#ifndef PRELOAD_MACHINES_H
#define PRELOAD_MACHINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// An MSR and the value that the model gives it.
struct msr {
    uint32_t index;
    uint64_t value;
};

enum { MACHINE_MAX_MSRS = 64 };

/// A VM of this process, as far as the model goes.
struct machine {
    /// 0 for the first, whose name is as it was asked for; further ones have a number behind it.
    unsigned ordinal;
    /// Whether the daemon knows it: its further vCPUs join it.
    bool is_registered;
    /// Whether its name was that of an earlier VM of this process, which is gone.
    bool takes_over;
    /// Feature MSRs that were written with its tables.
    struct msr msrs[MACHINE_MAX_MSRS];
    size_t msr_count;
};

/// KVM_CREATE_VM returned this descriptor.
void machines_vm_created(int vm);

/// KVM_CREATE_VCPU on `vm` returned this descriptor.
void machines_vcpu_created(int vm, int vcpu);

/// Whether the descriptor is a vCPU.
bool machines_is_vcpu(int fd);

/// Gets the machine of a vCPU, made now if there was none. A descriptor that came into being unseen counts to the first.
/// False when there is no memory, or there are too many machines.
bool machines_of(int vcpu, struct machine *machine);

/// Gets the machine of a vCPU if the daemon knows it.
bool machines_registered(int vcpu, struct machine *machine);

/// Keeps what has become of the machine of a vCPU.
void machines_update(int vcpu, const struct machine *machine);

#endif
