// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "kvmtest_call.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvmtest_ioctl.h"

struct kvmtest_call {
    int fd;
    unsigned long request;  // 0: a read
    void *argument;
    uint64_t size;
    int64_t offset;

    pthread_t thread;
    atomic_int tid;
    atomic_bool ended;
    int64_t result;
};

/// Of the real-time signals one that nothing else here uses.
static int interruption(void)
{
    return SIGRTMAX - 3;
}

static void nothing(int signal)
{
    (void)signal;
}

static void *make(void *context)
{
    struct kvmtest_call *call = context;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, interruption());
    // A thread inherits what its maker keeps off, and the workers of Swift's keep all off.
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    atomic_store(&call->tid, gettid());
    if (call->request) {
        call->result = kvmtest_ioctl(call->fd, call->request, call->argument);
    } else {
        ssize_t count = pread(call->fd, call->argument, call->size, call->offset);
        call->result = count < 0 ? -errno : count;
    }
    atomic_store(&call->ended, true);
    return NULL;
}

static struct kvmtest_call *start(struct kvmtest_call prepared)
{
    // Without SA_RESTART, so that it interrupts.
    struct sigaction action = {.sa_handler = nothing};
    struct kvmtest_call *call = malloc(sizeof *call);
    if (!call || sigaction(interruption(), &action, NULL) < 0) {
        free(call);
        return NULL;
    }
    memcpy(call, &prepared, sizeof *call);
    if (pthread_create(&call->thread, NULL, make, call) != 0) {
        free(call);
        return NULL;
    }
    return call;
}

struct kvmtest_call *kvmtest_call_ioctl(int fd, unsigned long request, void *argument)
{
    return start((struct kvmtest_call){.fd = fd, .request = request, .argument = argument});
}

struct kvmtest_call *kvmtest_call_read(int fd, void *buffer, uint64_t size, int64_t offset)
{
    return start((struct kvmtest_call){.fd = fd, .argument = buffer, .size = size, .offset = offset});
}

char kvmtest_call_state(const struct kvmtest_call *call)
{
    int tid = atomic_load(&call->tid);
    if (atomic_load(&call->ended))
        return 'X';
    if (!tid)
        return '?';
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file)
        fclose(file);
    line[length] = 0;
    // The name before it is in parentheses and may hold any.
    const char *name_end = strrchr(line, ')');
    char state = name_end && name_end[1] == ' ' ? name_end[2] : '?';
    return atomic_load(&call->ended) ? 'X' : state;
}

int kvmtest_call_interrupt(struct kvmtest_call *call)
{
    return -pthread_kill(call->thread, interruption());
}

int64_t kvmtest_call_end(struct kvmtest_call *call)
{
    pthread_join(call->thread, NULL);
    int64_t result = call->result;
    free(call);
    return result;
}
