// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_GUEST_H
#define LAUNCH_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "machine.h"

struct kvm_run;

/// What the guest can be had to do: one instruction, after which it reports.
enum instruction {
    GUEST_CPUID,
    GUEST_SET_CR4,  ///< CR4 from EBX
    GUEST_XSETBV,
    GUEST_WRMSR,
    INSTRUCTION_COUNT,
};

/// The registers that these instructions read and write.
struct registers {
    uint32_t eax, ebx, ecx, edx;
};

/// A guest on the first vCPU of a machine.
struct guest {
    int vcpu;
    struct kvm_run *run;
    size_t run_size;
    /// `long` or `real`, by whether its model has long mode.
    const char *mode;
    /// Why it cannot run, or empty.
    char failure[160];
};

/// Makes the guest ready to run. Returns 0; or -1 with `failure`. guest_end() is for both.
int guest_start(struct guest *guest, const struct machine *machine);

/// Has the guest execute one instruction. Returns 0, and in `registers` what it left in them; or -1 with `failure`.
int guest_execute(struct guest *guest, enum instruction instruction, struct registers *registers);

void guest_end(struct guest *guest);

#endif
