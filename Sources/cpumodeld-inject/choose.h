// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stop.h"

/// Whether a thread may be taken; if not, why.
typedef bool thread_check(void *context, struct thread *thread, uint64_t instruction, struct reason *reason);

/// Chooses the thread that is to make the calls, and finds a `syscall` instruction for it: the best that passes `check`. The
/// best is one without a seccomp filter, in a system call. Where none passes, `reason` says what is against the best.
struct thread *choose_thread(
    struct threads *threads, const struct target *target, thread_check *check, void *context, uint64_t *instruction,
    struct reason *reason);
