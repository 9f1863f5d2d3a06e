// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "stop.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "clock.h"
#include "proc.h"
#include "restart.h"

enum {
    /// How long a thread is waited for that is not at once stopped, in milliseconds.
    STOP_WAIT = 300,
    /// Looks at the list of threads, until one of them finds nothing new.
    MAX_ROUNDS = 20,
};

bool is_event_stop(int status)
{
    return WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_STOP;
}

/// Sleeps until something may have stopped, or the time is up.
static void wait_a_little(int64_t deadline)
{
    int64_t left = deadline < 0 ? 50 : deadline - clock_now();
    left = left < 0 ? 0 : left > 50 ? 50 : left;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    struct timespec time = {.tv_nsec = left * 1000000};
    sigtimedwait(&child, NULL, &time);
}

int wait_for_stop(pid_t tid, int64_t deadline)
{
    for (;;) {
        int status;
        pid_t found = waitpid(tid, &status, WNOHANG | __WALL);
        if (found == tid)
            return WIFSTOPPED(status) ? status : -1;
        if (found < 0 && errno != EINTR)
            return -1;
        if (deadline >= 0 && clock_now() >= deadline)
            return 0;
        wait_a_little(deadline);
    }
}

static bool is_known(const struct threads *threads, pid_t tid)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->all[i].tid == tid)
            return true;
    return false;
}

static bool add(struct threads *threads, pid_t tid)
{
    if (threads->count == threads->capacity) {
        size_t capacity = threads->capacity ? 2 * threads->capacity : 64;
        struct thread *all = realloc(threads->all, capacity * sizeof *all);
        if (!all)
            return false;
        threads->all = all;
        threads->capacity = capacity;
    }
    threads->all[threads->count++] = (struct thread){.tid = tid};
    return true;
}

static bool refuse_seize(const struct target *target, struct reason *reason)
{
    if (errno != EPERM)
        return refuse(reason, "process %d cannot be stopped: %m", target->pid);
    uint64_t tracer = proc_status_number(target->pid, target->pid, "TracerPid", 10, 0);
    if (tracer)
        return refuse(reason, "process %d is being traced already, by process %d", target->pid, (int)tracer);
    return refuse(
        reason, "the kernel does not let cpumodeld-inject trace process %d: it must run with CAP_SYS_PTRACE, as its "
        "unit gives it, in the process's own or a parent user namespace", target->pid);
}

/// Begins to stop a thread. A thread that has ended meanwhile is no failure.
static bool begin_stop(
    struct threads *threads, const struct target *target, pid_t tid, struct reason *reason)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD) < 0)
        return errno == ESRCH || refuse_seize(target, reason);
    // The number may be another process's by now; then it is let go by this process's end.
    if (proc_status_number(target->pid, tid, "Tgid", 10, 0) != (uint64_t)target->pid || !target_is_alive(target))
        return true;
    if (!add(threads, tid))
        return refuse(reason, "memory is exhausted");
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    return true;
}

/// Whether there was a thread that was not known is in `found`.
static bool begin_stops(
    struct threads *threads, const struct target *target, bool *found, struct reason *reason)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", target->pid);
    DIR *folder = opendir(path);
    if (!folder)
        return refuse(reason, "the threads of process %d cannot be listed: %m", target->pid);
    bool is_well = true;
    size_t before = threads->count;
    for (const struct dirent *entry; is_well && (entry = readdir(folder));) {
        pid_t tid = atoi(entry->d_name);
        if (tid > 0 && !is_known(threads, tid) && !proc_is_user_worker(target->pid, tid))
            is_well = begin_stop(threads, target, tid, reason);
    }
    closedir(folder);
    *found = threads->count > before;
    return is_well;
}

static void finish_stop(struct thread *thread, int64_t deadline)
{
    while (!thread->is_stopped && !thread->is_gone) {
        int status = wait_for_stop(thread->tid, deadline);
        if (status == 0)
            return;
        if (status < 0)
            thread->is_gone = true;
        else if (is_event_stop(status))
            thread->is_stopped = ptrace(PTRACE_GETREGS, thread->tid, NULL, &thread->registers) == 0;
        else
            // A signal was on its way already: it is delivered, and the stop comes behind it.
            ptrace(PTRACE_CONT, thread->tid, NULL, WSTOPSIG(status));
    }
}

bool stop_all(struct threads *threads, const struct target *target, int64_t deadline, struct reason *reason)
{
    bool found = true;
    for (int round = 0; found && round < MAX_ROUNDS; round++) {
        if (!begin_stops(threads, target, &found, reason))
            return false;
        int64_t until = clock_now() + STOP_WAIT;
        for (size_t i = 0; i < threads->count; i++)
            finish_stop(&threads->all[i], until < deadline ? until : deadline);
    }
    if (found)
        return refuse(reason, "process %d starts threads faster than they can be stopped", target->pid);
    if (clock_now() >= deadline)
        return refuse(reason, "process %d could not be stopped in time", target->pid);
    return target_is_alive(target) || refuse(reason, "the process has ended");
}

void release(struct thread *thread)
{
    struct user_regs_struct registers = thread->registers;
    if (restart_hidden(&registers))
        ptrace(PTRACE_SETREGS, thread->tid, NULL, &registers);
    ptrace(PTRACE_DETACH, thread->tid, NULL, NULL);
    thread->is_stopped = false;
    thread->is_gone = true;
}

void release_all(struct threads *threads, const struct thread *but)
{
    for (size_t i = 0; i < threads->count; i++) {
        struct thread *thread = &threads->all[i];
        // One that was not stopped yet goes when this process ends; most have come to it by now.
        if (thread != but && !thread->is_stopped)
            finish_stop(thread, clock_now());
        if (thread != but && thread->is_stopped)
            release(thread);
    }
}
