// SPDX-License-Identifier: Apache-2.0
//
// The seccomp filters of a stopped thread. What a filter does with a call that it does not like may be to kill the process,
// and no trick tells beforehand. A forked child has the same filters and could die in the process's place, since KVM answers
// its ioctls with EIO where a filter lets them pass; but the clone(2) that makes it is judged first, by filters of VMMs that
// mostly forbid it, and the dead child is there until the process waits for it. So the filters are read, as programs
// (PTRACE_SECCOMP_GET_FILTER), and run here on each call that is to be made. The kernel lets only those read them who have
// CAP_SYS_ADMIN and are under no filter themselves.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct filter;

struct filters {
    struct filter *all;
    size_t count;
    /// Whether these are the filters of the thread. Else nothing is known.
    bool is_known;
};

/// What becomes of a system call, by all filters together.
enum judgement {
    /// It is made, or it fails with an errno; both do no harm.
    CALL_RETURNS,
    CALL_TRAPS,
    CALL_KILLS,
};

/// Reads the filters of a thread in a ptrace stop. False with errno: EACCES where the kernel does not let us.
bool filters_read(struct filters *filters, pid_t tid);

void filters_free(struct filters *filters);

/// What becomes of a call that is made by the instruction before `behind`. Nothing known, nothing said against it.
enum judgement filters_judge(
    const struct filters *filters, long number, const uint64_t arguments[6], uint64_t behind);
