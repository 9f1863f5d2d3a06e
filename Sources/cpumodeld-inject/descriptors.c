// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "descriptors.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"

/// 1 and 0 for yes and no, or minus the errno.
static int is_same(int ours, pid_t tid, int theirs)
{
    long order = syscall(SYS_kcmp, getpid(), tid, KCMP_FILE, (unsigned long)ours, (unsigned long)theirs);
    if (order >= 0)
        return order == 0;
    return errno == EBADF ? 0 : -errno;
}

/// Looks from `first` on: vCPUs are made one after the other, and their numbers mostly are, too.
static int find(int ours, pid_t tid, int first, int end)
{
    for (int i = 0; i < end; i++) {
        int number = (first + i) % end, same = is_same(ours, tid, number);
        if (same)
            return same < 0 ? same : number;
    }
    return -ENOENT;
}

bool find_descriptors(
    const struct target *target, pid_t tid, const int *ours, unsigned count, int *theirs, struct reason *reason)
{
    int end = (int)proc_status_number(target->pid, tid, "FDSize", 10, 0), next = 0;
    for (unsigned i = 0; i < count; i++) {
        int number = find(ours[i], tid, next, end);
        if (number == -ENOENT)
            return refuse(reason, "process %d does not have vCPU descriptor %u open", target->pid, i);
        if (number < 0) {
            errno = -number;
            return refuse(reason, "the descriptors of process %d cannot be compared (kcmp): %m", target->pid);
        }
        theirs[i] = number;
        next = number + 1;
    }
    return true;
}
