// SPDX-License-Identifier: Apache-2.0
//
// A system call that may block, made on a thread of its own, with what there is to see of it from outside.

#ifndef KVMTEST_CALL_H
#define KVMTEST_CALL_H

#include <stdint.h>

struct kvmtest_call;

/// Starts a thread that makes one ioctl. `argument` may also be a number. NULL when there is no thread to be had.
struct kvmtest_call *kvmtest_call_ioctl(int fd, unsigned long request, void *argument);

/// Starts a thread that reads `size` bytes at `offset`.
struct kvmtest_call *kvmtest_call_read(int fd, void *buffer, uint64_t size, int64_t offset);

/// The state of the thread as /proc/PID/stat has it: 'D' while it waits for a lock of the kernel's; 'X' once the call
/// has returned, and '?' before it is made.
char kvmtest_call_state(const struct kvmtest_call *call);

/// Sends the thread a signal that does nothing but interrupt a system call.
int kvmtest_call_interrupt(struct kvmtest_call *call);

/// Waits for the call to return, frees it, and returns its result.
int64_t kvmtest_call_end(struct kvmtest_call *call);

#endif
