// SPDX-License-Identifier: Apache-2.0

#ifndef PRELOAD_OVERLAY_H
#define PRELOAD_OVERLAY_H

struct kvm_cpuid2;

/// What came of asking the daemon.
enum outcome {
    /// The vCPU has the model, laid over the table.
    OVERLAY_APPLIED,
    /// It has not, and the VMM is to be told so.
    OVERLAY_REFUSED,
    /// The daemon cannot be asked, and the VMM may have its own table then.
    OVERLAY_PASSED,
};

/// Has the daemon lay the model over a vCPU's table, one vCPU of this process at a time, and says on standard error what
/// went wrong. `code` gets the errno for the VMM where it is refused.
enum outcome overlay_apply(int vcpu, const struct kvm_cpuid2 *table, int *code);

#endif
