// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "reason.h"

struct run {
    int pidfd, job;
    const int *vcpus;
    unsigned vcpu_count;
    int64_t deadline;
    bool try_filtered;
    /// Called when the deadline passes inside of a system call of the target, which is then waited for.
    void (*on_late)(void *context, unsigned executed);
    void *context;
};

/// Runs a job in the process of the pidfd. How many of its steps were executed is in `executed`; when it is false,
/// `reason` says why it came no further. The target runs again when this returns.
bool run_job(const struct run *run, unsigned *executed, struct reason *reason);
