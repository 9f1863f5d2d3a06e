// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stop.h"

/// Chooses the thread that is to make the calls, and finds a `syscall` instruction for it.
///
/// The best is one without a seccomp filter, in a system call. A thread under a filter is taken only with `try_filtered`:
/// nothing tells what a filter does with a call, and one of its answers is to kill the process.
struct thread *choose_thread(
    struct threads *threads, const struct target *target, bool try_filtered, uint64_t *instruction,
    struct reason *reason);
