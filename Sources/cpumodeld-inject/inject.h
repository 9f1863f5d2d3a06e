// SPDX-License-Identifier: Apache-2.0
//
// Has a stopped thread make system calls, and puts it back into the very stop that it was taken from.
#pragma once

#include <stdint.h>

#include "filters.h"
#include "stop.h"

enum injection {
    INJECTED,
    /// Not made: the thread's filters would trap it, or kill for it.
    INJECTION_FORBIDDEN,
    /// A seccomp filter, or the process's own dispatch of system calls, turned the call into a SIGSYS. It was dropped.
    INJECTION_TRAPPED,
    INJECTION_GONE,
    /// It came to its end, but not in time.
    INJECTION_LATE,
};

struct injector {
    struct target target;
    struct thread *thread;
    /// Where the thread finds a `syscall` instruction.
    uint64_t instruction;
    /// Known, or the calls are made without a look at them.
    struct filters filters;
    int64_t deadline;
    /// Called once when the deadline passes while the thread is in a system call. It cannot be let go before that ends.
    void (*on_late)(void *context);
    void *context;

    uint64_t signal_mask, rseq, rseq_section;
    bool is_late, has_moved, is_trapped;
};

/// What the thread's filters, as far as they are known, make of a call.
enum judgement inject_judge(const struct injector *injector, long number, const uint64_t arguments[6]);

/// Makes a thread ready. Nothing of it has changed when this fails.
bool inject_begin(struct injector *injector, struct reason *reason);

/// One system call, with its arguments; what it returned, or minus the errno, is in `result`.
enum injection inject_call(struct injector *injector, long number, const uint64_t arguments[6], int64_t *result);

/// Puts the thread back where it was. It must be released after that.
void inject_end(struct injector *injector);
