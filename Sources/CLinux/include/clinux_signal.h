// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

// A signal as signalfd reports it: its number, and who sent it (0 when the kernel did).
struct clinux_signal {
    uint32_t number;
    uint32_t pid;
    uint32_t uid;
};

// Blocks the signals in the calling thread, and so in every thread it starts from now on.
int clinux_signal_block(const int *signals, size_t count);

// A descriptor that becomes readable when one of the (blocked) signals is pending; close-on-exec, non-blocking.
// `descriptor` is an earlier one whose set of signals is to change, or -1.
int clinux_signalfd(int descriptor, const int *signals, size_t count);

// Takes the next pending signal: 1, or 0 when there is none, or minus the errno.
int clinux_signalfd_read(int descriptor, struct clinux_signal *signal);
