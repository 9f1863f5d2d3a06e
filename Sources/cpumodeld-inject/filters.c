// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "filters.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include "bpf.h"

/// PTRACE_SECCOMP_GET_FILTER of <linux/ptrace.h>, which does not go with <sys/ptrace.h> (Linux 4.4).
enum { SECCOMP_GET_FILTER = 0x420c };

enum {
    /// BPF_MAXINSNS.
    MAX_INSTRUCTIONS = 4096,
    /// The kernel's own limit is on instructions, 32768 in all.
    MAX_FILTERS = 32768,
};

struct filter {
    struct sock_filter *program;
    size_t length;
};

static long get_filter(pid_t tid, size_t index, struct sock_filter *program)
{
    return ptrace((enum __ptrace_request)SECCOMP_GET_FILTER, tid, (void *)index, program);
}

static bool add(struct filters *filters, pid_t tid, size_t length)
{
    struct filter *all = realloc(filters->all, (filters->count + 1) * sizeof *all);
    if (!all)
        return false;
    filters->all = all;
    struct filter *filter = &all[filters->count];
    *filter = (struct filter){calloc(length, sizeof *filter->program), length};
    if (!filter->program)
        return false;
    filters->count++;
    return get_filter(tid, filters->count - 1, filter->program) == (long)length;
}

bool filters_read(struct filters *filters, pid_t tid)
{
    *filters = (struct filters){};
    for (;;) {
        long length = get_filter(tid, filters->count, NULL);
        // There is none of this number.
        if (length < 0 && errno == ENOENT)
            break;
        if (length <= 0 || length > MAX_INSTRUCTIONS || filters->count == MAX_FILTERS
            || !add(filters, tid, (size_t)length)) {
            int error = errno;
            filters_free(filters);
            errno = error;
            return false;
        }
    }
    filters->is_known = true;
    return true;
}

void filters_free(struct filters *filters)
{
    for (size_t i = 0; i < filters->count; i++)
        free(filters->all[i].program);
    free(filters->all);
    *filters = (struct filters){};
}

/// The answer that wins: the lowest action as a signed number (kernel/seccomp.c).
static uint32_t run_all(const struct filters *filters, const struct seccomp_data *call)
{
    uint32_t winner = SECCOMP_RET_ALLOW;
    for (size_t i = 0; i < filters->count; i++) {
        uint32_t answer = bpf_run(filters->all[i].program, filters->all[i].length, call);
        if ((int32_t)(answer & SECCOMP_RET_ACTION_FULL) < (int32_t)(winner & SECCOMP_RET_ACTION_FULL))
            winner = answer;
    }
    return winner;
}

enum judgement filters_judge(
    const struct filters *filters, long number, const uint64_t arguments[6], uint64_t behind)
{
    if (!filters->is_known)
        return CALL_RETURNS;
    struct seccomp_data call = {.nr = (int)number, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = behind};
    memcpy(call.args, arguments, sizeof call.args);
    switch (run_all(filters, &call) & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ERRNO:
    case SECCOMP_RET_USER_NOTIF:
    // Fails with ENOSYS where no tracer has asked for it, and we have not.
    case SECCOMP_RET_TRACE: return CALL_RETURNS;
    case SECCOMP_RET_TRAP: return CALL_TRAPS;
    // What the kernel does with actions that it does not know.
    default: return CALL_KILLS;
    }
}
