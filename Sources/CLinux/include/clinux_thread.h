// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <stdint.h>

// Runs body(context) on a detached thread, one that has become idle or a new one. It has a small stack and takes no signals: they belong to the
// thread that reads the signalfd. `name` (at most 15 characters) shows in top and gdb.
int clinux_thread_start(const char *name, void (*body)(void *context), void *context);

// The calling thread, as a number to compare; never 0.
static inline uint64_t clinux_thread_self(void)
{
    return (uint64_t)(uintptr_t)pthread_self();
}
