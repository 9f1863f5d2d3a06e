// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_process.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_pidfd_open(pid_t pid)
{
    // PIDFD_... flags are left at 0: a pidfd is close-on-exec by itself.
    long pidfd = syscall(SYS_pidfd_open, pid, 0U);

    return pidfd < 0 ? -errno : (int)pidfd;
}

int clinux_same_file(pid_t first_pid, int first, pid_t second_pid, int second)
{
    long order = syscall(
        SYS_kcmp, first_pid, second_pid, KCMP_FILE, (unsigned long)first, (unsigned long)second);

    return order < 0 ? -errno : order == 0;
}
