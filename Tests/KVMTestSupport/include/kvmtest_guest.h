// SPDX-License-Identifier: Apache-2.0
//
// A guest in real mode: a page of code, of which one piece is run at a time. Each piece ends with an exit to the VMM or,
// one of them, with the vCPU asleep in the kernel.

#ifndef KVMTEST_GUEST_H
#define KVMTEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>

struct kvmtest_guest {
    int vcpu;
    /// The page of the vCPU, struct kvm_run, and its size.
    void *run;
    uint64_t run_size;
    /// Two pages of guest memory, at guest address 0.
    uint8_t *memory;
};

/// Gives the VM memory, and the vCPU the registers to run from it.
int kvmtest_guest_make(struct kvmtest_guest *guest, int kvm, int vm, int vcpu);

/// Unmaps all.
void kvmtest_guest_end(struct kvmtest_guest *guest);

/// Runs a single `out`, and with it a first instruction of the guest. -EPROTO when the vCPU left the guest otherwise.
int kvmtest_guest_step(struct kvmtest_guest *guest);

/// Has the guest execute CPUID with EAX and ECX of `registers`, which are EAX, EBX, ECX and EDX, and takes its answer.
int kvmtest_guest_cpuid(struct kvmtest_guest *guest, uint32_t registers[4]);

/// Sets the vCPU to a piece that says it is there, and halts with interrupts off.
int kvmtest_guest_prepare_halt(struct kvmtest_guest *guest);

/// Whether the guest has got to the halt.
bool kvmtest_guest_is_halting(const struct kvmtest_guest *guest);

/// kvm_run.immediate_exit: makes the next KVM_RUN return -EINTR at once.
void kvmtest_guest_set_immediate_exit(struct kvmtest_guest *guest, bool on);

#endif
