// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "choose.h"

#include <string.h>

#include "memory.h"
#include "proc.h"

enum {
    /// The code segment of 64-bit programs.
    USER_CODE_64 = 0x33,
    VDSO_MAX = 64 * 1024,
};

static const unsigned char syscall_instruction[] = {0x0f, 0x05};

static bool is_in_syscall(const struct thread *thread)
{
    return (long)thread->registers.orig_rax >= 0;
}

/// The instruction behind which the thread is stopped.
static bool find_own_instruction(const struct thread *thread, uint64_t *instruction)
{
    unsigned char bytes[sizeof syscall_instruction];
    *instruction = thread->registers.rip - sizeof bytes;
    return is_in_syscall(thread) && memory_read(thread->tid, *instruction, bytes, sizeof bytes)
        && memcmp(bytes, syscall_instruction, sizeof bytes) == 0;
}

/// The vDSO calls the kernel for what it cannot do itself.
static bool find_vdso_instruction(const struct target *target, pid_t tid, uint64_t *instruction)
{
    static unsigned char bytes[VDSO_MAX];
    uint64_t start, end;
    if (!proc_vdso(target->pid, &start, &end) || end - start > sizeof bytes
        || !memory_read(tid, start, bytes, end - start))
        return false;
    const unsigned char *found = memmem(bytes, end - start, syscall_instruction, sizeof syscall_instruction);
    *instruction = found ? start + (uint64_t)(found - bytes) : 0;
    return found;
}

/// Higher is better; 0 is not to be had.
static int rank(const struct thread *thread, const struct target *target, bool try_filtered)
{
    if (!thread->is_stopped || thread->registers.cs != USER_CODE_64)
        return 0;
    bool is_filtered = proc_status_number(target->pid, thread->tid, "Seccomp", 10, 1) != 0;
    if (is_filtered && !try_filtered)
        return 0;
    return 1 + (is_filtered ? 0 : 2) + is_in_syscall(thread);
}

static bool refuse_all(const struct threads *threads, const struct target *target, struct reason *reason)
{
    for (size_t i = 0; i < threads->count; i++)
        if (rank(&threads->all[i], target, true))
            return refuse(
                reason, "every thread of process %d is under a seccomp filter, which may kill the process for a call "
                "it does not know; to try all the same, start cpumodeld-inject with --try-filtered", target->pid);
    return refuse(reason, "process %d has no thread of 64-bit code that could be stopped in time", target->pid);
}

struct thread *choose_thread(
    struct threads *threads, const struct target *target, bool try_filtered, uint64_t *instruction,
    struct reason *reason)
{
    struct thread *best = NULL;
    int best_rank = 0;
    for (size_t i = 0; i < threads->count; i++) {
        int this_rank = rank(&threads->all[i], target, try_filtered);
        if (this_rank > best_rank) {
            best = &threads->all[i];
            best_rank = this_rank;
        }
    }
    if (!best) {
        refuse_all(threads, target, reason);
        return NULL;
    }
    if (find_own_instruction(best, instruction) || find_vdso_instruction(target, best->tid, instruction))
        return best;
    refuse(reason, "process %d has no syscall instruction that could be used", target->pid);
    return NULL;
}
