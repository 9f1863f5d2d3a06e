// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../CCPUModelClient/job.h"
#include "choose.h"
#include "clock.h"
#include "descriptors.h"
#include "inject.h"
#include "memory.h"
#include "stop.h"

/// Room in the target for the argument of one ioctl. The largest has 256 CPUID entries, a sixth of it.
enum { SCRATCH_SIZE = 64 * 1024 };

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

/// One call in the target that must succeed or be explained.
static bool call(struct execution *execution, long number, const uint64_t arguments[6], int64_t *result)
{
    switch (inject_call(&execution->injector, number, arguments, result)) {
    case INJECTED: return true;
    case INJECTION_TRAPPED:
        return refuse(
            execution->reason, "a seccomp filter of process %d traps the call; its SIGSYS was dropped",
            execution->injector.target.pid);
    case INJECTION_GONE: return refuse(execution->reason, "the process ended meanwhile");
    case INJECTION_LATE: return refuse(execution->reason, "the process did not come out of a call in time");
    }
    return false;
}

static bool map_scratch(struct execution *execution)
{
    const uint64_t arguments[6] = {
        0, SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
    int64_t address;
    if (!call(execution, SYS_mmap, arguments, &address))
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

static bool run_stopped(struct execution *execution)
{
    const struct run *run = execution->run;
    struct injector *injector = &execution->injector;
    injector->thread = choose_thread(
        &execution->threads, &injector->target, run->try_filtered, &injector->instruction, execution->reason);
    if (!injector->thread
        || !find_descriptors(
            &injector->target, injector->thread->tid, run->vcpus, run->vcpu_count, execution->numbers,
            execution->reason)
        || !inject_begin(injector, execution->reason))
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
    free(execution.threads.all);
    free(execution.numbers);
    return is_complete;
}
