// SPDX-License-Identifier: Apache-2.0
//
// Stops all threads of a process, and lets them go again as if nothing had been.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "reason.h"
#include "target.h"

struct thread {
    pid_t tid;
    /// In a stop of PTRACE_INTERRUPT, with the registers below.
    bool is_stopped;
    bool is_gone;
    struct user_regs_struct registers;
};

struct threads {
    struct thread *all;
    size_t count, capacity;
};

/// Stops every thread that can be. One that waits in the kernel for what no signal ends is left out: it cannot be in
/// KVM_RUN. Also when this fails, what was stopped is in `threads`.
bool stop_all(struct threads *threads, const struct target *target, int64_t deadline, struct reason *reason);

/// Lets all go but one, which may be NULL.
void release_all(struct threads *threads, const struct thread *but);

/// Lets one thread go that is in a stop of PTRACE_INTERRUPT, with the registers that it had.
void release(struct thread *thread);

/// The next stop of a thread: its status of waitpid(2); 0 when it does not come in time, -1 when the thread is gone.
/// A deadline below 0 is none.
int wait_for_stop(pid_t tid, int64_t deadline);

/// Whether a status is the stop of PTRACE_INTERRUPT, or of a process that is stopped as a whole.
bool is_event_stop(int status);
