// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "run.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../CCPUModelClient/job.h"
#include "choose.h"
#include "clock.h"
#include "descriptors.h"
#include "inject.h"
#include "memory.h"
#include "proc.h"
#include "stop.h"

/// Room in the target for the argument of one ioctl. The largest has 256 CPUID entries, a sixth of it.
enum { SCRATCH_SIZE = 64 * 1024 };

/// Where it might come to lie: what filters are asked about before it is there.
#define SCRATCH_GUESS UINT64_C(0x7f0000000000)

struct execution {
    const struct run *run;
    struct threads threads;
    struct injector injector;
    struct reason *reason;
    int *numbers;
    uint64_t scratch;
    unsigned executed;
};

static void on_late(void *context)
{
    struct execution *execution = context;
    // The call may wait for one of them.
    release_all(&execution->threads, execution->injector.thread);
    execution->run->on_late(execution->run->context, execution->executed);
}

/// What an operator may find in the filter of a VMM.
static const char *call_name(long number, const uint64_t arguments[6])
{
    if (number != SYS_ioctl)
        return number == SYS_mmap ? "mmap" : "munmap";
    switch ((uint32_t)arguments[1]) {
    case KVM_SET_CPUID2: return "ioctl KVM_SET_CPUID2";
    case KVM_GET_CPUID2: return "ioctl KVM_GET_CPUID2";
    case KVM_SET_MSRS: return "ioctl KVM_SET_MSRS";
    case KVM_GET_MSRS: return "ioctl KVM_GET_MSRS";
    case KVM_GET_SREGS: return "ioctl KVM_GET_SREGS";
    case KVM_GET_SREGS2: return "ioctl KVM_GET_SREGS2";
    case KVM_GET_XCRS: return "ioctl KVM_GET_XCRS";
    default: return "ioctl KVM_ENABLE_CAP";
    }
}

static bool refuse_call(const struct execution *execution, long number, const uint64_t arguments[6])
{
    bool traps = inject_judge(&execution->injector, number, arguments) == CALL_TRAPS;
    return refuse(
        execution->reason, "a seccomp filter of process %d %s %s, so the call was not made",
        execution->injector.target.pid, traps ? "traps" : "kills the process for", call_name(number, arguments));
}

/// One call in the target that must succeed or be explained.
static bool call(struct execution *execution, long number, const uint64_t arguments[6], int64_t *result)
{
    switch (inject_call(&execution->injector, number, arguments, result)) {
    case INJECTED: return true;
    case INJECTION_FORBIDDEN: return refuse_call(execution, number, arguments);
    case INJECTION_TRAPPED:
        return refuse(
            execution->reason, "a seccomp filter of process %d traps the call; its SIGSYS was dropped",
            execution->injector.target.pid);
    case INJECTION_GONE: return refuse(execution->reason, "the process ended meanwhile");
    case INJECTION_LATE: return refuse(execution->reason, "the process did not come out of a call in time");
    }
    return false;
}

static const uint64_t map_arguments[6] = {
    0, SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};

static bool map_scratch(struct execution *execution)
{
    int64_t address;
    if (!call(execution, SYS_mmap, map_arguments, &address))
        return false;
    if (address < 0 && address > -4096) {
        errno = (int)-address;
        return refuse(execution->reason, "process %d may not map memory: %m", execution->injector.target.pid);
    }
    execution->scratch = (uint64_t)address;
    return true;
}

/// Whatever became of the job, the memory goes. A filter that traps munmap leaves it there.
static void unmap_scratch(struct execution *execution)
{
    const uint64_t arguments[6] = {execution->scratch, SCRATCH_SIZE};
    int64_t result;
    if (execution->scratch)
        inject_call(&execution->injector, SYS_munmap, arguments, &result);
}

/// What the ioctl returned is in `result`; the bytes of the argument are those behind it.
static bool run_ioctl(
    struct execution *execution, const uint64_t arguments[6], unsigned char *argument, size_t size, int64_t *result)
{
    pid_t tid = execution->injector.thread->tid;
    if (size > SCRATCH_SIZE)
        return refuse(execution->reason, "a step of the job has too large an argument");
    do {
        if (clock_now() >= execution->injector.deadline)
            return refuse(execution->reason, "the job did not end in time");
        if (!memory_write(tid, execution->scratch, argument, size))
            return refuse(execution->reason, "the process's memory cannot be written: %m");
        if (!call(execution, SYS_ioctl, arguments, result))
            return false;
    } while (*result == -EINTR || *result == -EAGAIN);
    return memory_read(tid, execution->scratch, argument, size)
        || refuse(execution->reason, "the process's memory cannot be read: %m");
}

static int32_t run_step(void *context, unsigned vcpu, uint32_t request, unsigned char *argument, size_t size)
{
    struct execution *execution = context;
    const uint64_t arguments[6] = {(uint64_t)execution->numbers[vcpu], request, execution->scratch};
    int64_t result;
    if (!run_ioctl(execution, arguments, argument, size, &result))
        return CPUMODEL_NOT_EXECUTED;
    execution->executed++;
    return (int32_t)result;
}

static bool run_steps(struct execution *execution)
{
    const struct run *run = execution->run;
    char fault[256] = "";
    bool is_complete = false;
    if (map_scratch(execution)) {
        int steps = cpumodel_job_run(
            run->job, run->vcpu_count, run_step, execution, &is_complete, fault, sizeof fault);
        if (steps < 0)
            refuse(execution->reason, "the job cannot be run: %s", fault);
    }
    unmap_scratch(execution);
    return is_complete;
}

// ---- Which thread ---------------------------------------------------------------------------------------------------

static bool may_call(const struct execution *execution, long number, const uint64_t arguments[6])
{
    return inject_judge(&execution->injector, number, arguments) == CALL_RETURNS
        || refuse_call(execution, number, arguments);
}

static bool may_make_step(void *context, unsigned vcpu, uint32_t request)
{
    const struct execution *execution = context;
    return may_call(execution, SYS_ioctl, (uint64_t[6]){(uint64_t)execution->numbers[vcpu], request, SCRATCH_GUESS});
}

/// Whether the thread's filters let all the calls pass that are to come: a job is not to be left off in the middle.
static bool may_run(struct execution *execution)
{
    char fault[256] = "";
    if (!may_call(execution, SYS_mmap, map_arguments) 
        || !may_call(execution, SYS_munmap, (uint64_t[6]){SCRATCH_GUESS, SCRATCH_SIZE}))
        return false;
    if (cpumodel_job_visit(
            execution->run->job, execution->run->vcpu_count, may_make_step, execution, fault, sizeof fault))
        return true;
    return *execution->reason->text ? false : refuse(execution->reason, "the job cannot be run: %s", fault);
}

static bool refuse_unknown(const struct execution *execution)
{
    return refuse(
        execution->reason, "every thread of process %d is under a seccomp filter, which may kill for a call that it does "
        "not know. A launcher that knows its filter says \"filtersReturn\": true; an administrator has cpumodeld-inject "
        "read filters with CAP_SYS_ADMIN, as cpumodeld-inject-filters.conf gives it, or take the risk with --try-filtered",
        execution->injector.target.pid);
}

/// thread_check.
static bool check_thread(void *context, struct thread *thread, uint64_t instruction, struct reason *reason)
{
    struct execution *execution = context;
    struct injector *injector = &execution->injector;
    const struct run *run = execution->run;
    *reason = (struct reason){};
    execution->reason = reason;
    injector->thread = thread;
    injector->instruction = instruction;
    filters_free(&injector->filters);
    if (!find_descriptors(&injector->target, thread->tid, run->vcpus, run->vcpu_count, execution->numbers, reason))
        return false;
    if (!proc_is_filtered(injector->target.pid, thread->tid))
        return true;
    if (filters_read(&injector->filters, thread->tid))
        return may_run(execution);
    return run->try_filtered || refuse_unknown(execution);
}

static bool run_stopped(struct execution *execution)
{
    struct injector *injector = &execution->injector;
    struct reason *reason = execution->reason;
    injector->thread = choose_thread(
        &execution->threads, &injector->target, check_thread, execution, &injector->instruction, reason);
    execution->reason = reason;
    if (!injector->thread || !inject_begin(injector, reason))
        return false;
    bool is_complete = run_steps(execution);
    inject_end(injector);
    return is_complete;
}

bool run_job(const struct run *run, unsigned *executed, struct reason *reason)
{
    struct execution execution = {.run = run, .reason = reason};
    execution.injector.deadline = run->deadline;
    execution.injector.on_late = on_late;
    execution.injector.context = &execution;
    struct target *target = &execution.injector.target;
    execution.numbers = calloc(run->vcpu_count + 1, sizeof *execution.numbers);
    bool is_complete = execution.numbers ? target_open(target, run->pidfd, reason) : refuse(reason, "memory is exhausted");
    if (is_complete) {
        is_complete = stop_all(&execution.threads, target, run->deadline, reason) && run_stopped(&execution);
        release_all(&execution.threads, NULL);
    }
    *executed = execution.executed;
    filters_free(&execution.injector.filters);
    free(execution.threads.all);
    free(execution.numbers);
    return is_complete;
}
