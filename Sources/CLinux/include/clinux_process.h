// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

// A pidfd of a process, close-on-exec. It turns readable when the process ends (pidfd_open(2)).
int clinux_pidfd_open(pid_t pid);

// Whether descriptor `first` of process `first_pid` and `second` of `second_pid` are one open file (KCMP_FILE): 1 or 0,
// or minus the errno. Needs the right to trace both (kcmp(2)).
int clinux_same_file(pid_t first_pid, int first, pid_t second_pid, int second);
