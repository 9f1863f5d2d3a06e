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

static bool find_instruction(const struct thread *thread, const struct target *target, uint64_t *instruction)
{
    return find_own_instruction(thread, instruction) || find_vdso_instruction(target, thread->tid, instruction);
}

enum { BEST_RANK = 4 };

/// Higher is better; 0 is not to be had.
static int rank(const struct thread *thread, const struct target *target)
{
    if (!thread->is_stopped || thread->registers.cs != USER_CODE_64)
        return 0;
    return (proc_is_filtered(target->pid, thread->tid) ? 1 : 3) + is_in_syscall(thread);
}

struct thread *choose_thread(
    struct threads *threads, const struct target *target, thread_check *check, void *context, uint64_t *instruction,
    struct reason *reason)
{
    struct reason why = {};
    for (int wanted = BEST_RANK; wanted > 0; wanted--) {
        for (size_t i = 0; i < threads->count; i++) {
            struct thread *thread = &threads->all[i];
            if (rank(thread, target) != wanted)
                continue;
            if (!find_instruction(thread, target, instruction))
                refuse(&why, "process %d has no syscall instruction that could be used", target->pid);
            else if (check(context, thread, *instruction, &why))
                return thread;
            if (!*reason->text)
                *reason = why;
        }
    }
    if (!*reason->text)
        refuse(reason, "process %d has no thread of 64-bit code that could be stopped in time", target->pid);
    return NULL;
}
