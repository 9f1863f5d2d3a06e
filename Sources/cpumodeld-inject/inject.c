// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "inject.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "proc.h"
#include "restart.h"

enum { TRAP_FLAG = 0x100, SYSCALL_STOP = SIGTRAP | 0x80, SYSCALL_LENGTH = 2 };

#define SIGSYS_BIT (1ULL << (SIGSYS - 1))

/// PTRACE_GET_RSEQ_CONFIGURATION of <linux/ptrace.h>, which does not go with <sys/ptrace.h> (Linux 5.13).
enum { GET_RSEQ_CONFIGURATION = 0x420f };

struct rseq_configuration {
    uint64_t address;
    uint32_t size, signature, flags, zero;
};

static long request(const struct injector *injector, int request, void *address, void *data)
{
    return ptrace((enum __ptrace_request)request, injector->thread->tid, address, data);
}

// ---- Before and after -----------------------------------------------------------------------------------------------

/// The restartable sequence (rseq(2)) that the thread is in. The kernel forgets it when it sees the thread elsewhere, and
/// the thread would go on in it as if it had never been interrupted.
static void save_rseq(struct injector *injector)
{
    struct rseq_configuration rseq = {};
    if (request(injector, GET_RSEQ_CONFIGURATION, (void *)sizeof rseq, &rseq) <= 0 || !rseq.address)
        return;
    uint64_t field = rseq.address + 8, section = 0;
    if (memory_read(injector->thread->tid, field, &section, sizeof section)) {
        injector->rseq = field;
        injector->rseq_section = section;
    }
}

static void restore_rseq(const struct injector *injector)
{
    if (injector->rseq_section)
        memory_write(injector->thread->tid, injector->rseq, &injector->rseq_section, sizeof injector->rseq_section);
}

/// All signals wait, but SIGSYS: a filter's SIGSYS that is blocked kills the process (signal(7), seccomp(2)).
static bool hold_signals(struct injector *injector)
{
    uint64_t all = ~SIGSYS_BIT;
    return request(injector, PTRACE_GETSIGMASK, (void *)sizeof all, &injector->signal_mask) == 0
        && request(injector, PTRACE_SETSIGMASK, (void *)sizeof all, &all) == 0;
}

static bool has_sigsys_of_its_own(const struct injector *injector)
{
    pid_t pid = injector->target.pid, tid = injector->thread->tid;
    bool is_pending = (proc_status_number(pid, tid, "SigPnd", 16, 0) | proc_status_number(pid, tid, "ShdPnd", 16, 0))
        & SIGSYS_BIT;
    // The kernel would reset the disposition.
    bool is_ignored = proc_status_number(pid, tid, "SigIgn", 16, 0) & SIGSYS_BIT;
    return is_pending || (is_ignored && proc_is_filtered(pid, tid));
}

bool inject_begin(struct injector *injector, struct reason *reason)
{
    if (has_sigsys_of_its_own(injector))
        return refuse(
            reason, "thread %d ignores SIGSYS under a seccomp filter, or has one waiting", injector->thread->tid);
    save_rseq(injector);
    return hold_signals(injector) || refuse(reason, "the signals of thread %d cannot be held: %m", injector->thread->tid);
}

// ---- One call -------------------------------------------------------------------------------------------------------

/// Waits, with the deadline once and then for as long as it takes: a thread that is let go in the middle of a call would
/// go on where it never was.
static int wait_next(struct injector *injector)
{
    int status = injector->is_late ? 0 : wait_for_stop(injector->thread->tid, injector->deadline);
    if (status != 0)
        return status;
    if (!injector->is_late) {
        injector->is_late = true;
        injector->on_late(injector->context);
    }
    return wait_for_stop(injector->thread->tid, -1);
}

/// Goes on to the next system call stop.
static enum injection run_to_syscall_stop(struct injector *injector)
{
    intptr_t deliver = 0;
    for (;;) {
        if (request(injector, PTRACE_SYSCALL, NULL, (void *)deliver) < 0)
            return INJECTION_GONE;
        int status = wait_next(injector);
        if (status < 0)
            return INJECTION_GONE;
        if (WSTOPSIG(status) == SYSCALL_STOP)
            return INJECTED;
        if (!is_event_stop(status) && WSTOPSIG(status) == SIGSYS)
            return INJECTION_TRAPPED;
        // A SIGSTOP cannot be held. The process is stopped by it, this thread goes on, and stops when it is let go.
        deliver = !is_event_stop(status) && WSTOPSIG(status) == SIGSTOP ? SIGSTOP : 0;
    }
}

/// Whether the call that has just ended left a SIGSYS behind (SECCOMP_RET_TRAP): rax has the call's number then, which
/// looks like success.
static bool has_sigsys(const struct injector *injector)
{
    struct __ptrace_peeksiginfo_args where = {.nr = 1};
    siginfo_t signal;
    for (; request(injector, PTRACE_PEEKSIGINFO, &where, &signal) == 1; where.off++)
        if (signal.si_signo == SIGSYS)
            return true;
    return false;
}

static enum injection drop_sigsys(struct injector *injector)
{
    for (;;) {
        if (request(injector, PTRACE_CONT, NULL, NULL) < 0)
            return INJECTION_GONE;
        int status = wait_next(injector);
        if (status < 0)
            return INJECTION_GONE;
        if (!is_event_stop(status) && WSTOPSIG(status) == SIGSYS)
            return INJECTION_TRAPPED;
    }
}

enum judgement inject_judge(const struct injector *injector, long number, const uint64_t arguments[6])
{
    return filters_judge(
        &injector->filters, number, arguments, injector->instruction + SYSCALL_LENGTH);
}

static struct user_regs_struct call_registers(
    const struct injector *injector, long number, const uint64_t arguments[6])
{
    struct user_regs_struct registers = injector->thread->registers;
    registers.rip = injector->instruction;
    registers.rax = (unsigned long long)number;
    registers.rdi = arguments[0];
    registers.rsi = arguments[1];
    registers.rdx = arguments[2];
    registers.r10 = arguments[3];
    registers.r8 = arguments[4];
    registers.r9 = arguments[5];
    registers.eflags &= ~(unsigned long long)TRAP_FLAG;
    // Not in a system call, as far as the kernel is concerned: nothing is to be restarted.
    registers.orig_rax = (unsigned long long)-1L;
    return registers;
}

enum injection inject_call(struct injector *injector, long number, const uint64_t arguments[6], int64_t *result)
{
    if (inject_judge(injector, number, arguments) != CALL_RETURNS)
        return INJECTION_FORBIDDEN;
    struct user_regs_struct registers = call_registers(injector, number, arguments);
    if (!target_is_alive(&injector->target) || request(injector, PTRACE_SETREGS, NULL, &registers) < 0)
        return INJECTION_GONE;
    injector->has_moved = true;
    enum injection way = run_to_syscall_stop(injector);
    if (way == INJECTED)
        way = run_to_syscall_stop(injector);
    if (way == INJECTED && has_sigsys(injector))
        way = drop_sigsys(injector);
    injector->is_trapped = way == INJECTION_TRAPPED;
    if (way != INJECTED)
        return way;
    if (request(injector, PTRACE_GETREGS, NULL, &registers) < 0)
        return INJECTION_GONE;
    *result = (int64_t)registers.rax;
    return injector->is_late ? INJECTION_LATE : INJECTED;
}

// ---- Back -----------------------------------------------------------------------------------------------------------

/// Brings the thread into a stop of PTRACE_INTERRUPT again: the only one behind which the kernel looks whether a system
/// call is to be restarted.
static bool return_to_stop(struct injector *injector)
{
    struct user_regs_struct registers = injector->thread->registers;
    registers.orig_rax = (unsigned long long)-1L;
    if (request(injector, PTRACE_SETREGS, NULL, &registers) < 0 || request(injector, PTRACE_INTERRUPT, NULL, NULL) < 0
        || request(injector, PTRACE_CONT, NULL, NULL) < 0)
        return false;
    for (;;) {
        int status = wait_for_stop(injector->thread->tid, -1);
        if (status < 0)
            return false;
        if (is_event_stop(status))
            return true;
        bool is_stop = WSTOPSIG(status) == SIGSTOP;
        if (request(injector, PTRACE_CONT, NULL, is_stop ? (void *)(intptr_t)SIGSTOP : NULL) < 0)
            return false;
    }
}

void inject_end(struct injector *injector)
{
    struct user_regs_struct registers = injector->thread->registers;
    if (injector->has_moved && !return_to_stop(injector))
        restart_by_hand(&registers);
    restore_rseq(injector);
    request(injector, PTRACE_SETSIGMASK, (void *)sizeof injector->signal_mask, &injector->signal_mask);
    request(injector, PTRACE_SETREGS, NULL, &registers);
}
