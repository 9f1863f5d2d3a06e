// SPDX-License-Identifier: Apache-2.0
//
// What /proc tells without any right to trace (proc(5)).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// A line of /proc/PID/task/TID/status as numbers; how many there were, 0 when the thread or the line is not there.
int proc_status(pid_t pid, pid_t tid, const char *name, int base, uint64_t *values, int capacity);

/// The first number of such a line, or `missing`.
uint64_t proc_status_number(pid_t pid, pid_t tid, const char *name, int base, uint64_t missing);

/// Whether a thread is under a seccomp filter. One of which nothing can be learned is.
bool proc_is_filtered(pid_t pid, pid_t tid);

/// Whether a thread was made by the kernel for work in the process's name (PF_USER_WORKER, Linux 6.4: vhost, io_uring,
/// KVM's recovery of huge pages). It never returns to user mode, and shows a copy of its maker's registers.
bool proc_is_user_worker(pid_t pid, pid_t tid);

/// Where the process has its vDSO; false when it has none.
bool proc_vdso(pid_t pid, uint64_t *start, uint64_t *end);
