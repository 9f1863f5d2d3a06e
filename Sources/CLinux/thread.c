// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_thread.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    STACK_SIZE = 512 * 1024,
    NAME_SIZE = 16,
    /// Threads with nothing to do that are kept for a while: to make one costs some ten times as much as to wake one.
    MAX_IDLE = 4,
    IDLE_SECONDS = 5,
};

struct work {
    void (*body)(void *);
    void *context;
    char name[NAME_SIZE];
};

struct worker {
    struct work work;
    bool has_work;
    pthread_cond_t wake;
    struct worker *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *idle;
static int idle_count;

static void remove_idle(struct worker *worker)
{
    struct worker **link = &idle;

    while (*link != worker) {
        link = &(*link)->next;
    }
    *link = worker->next;
    idle_count--;
}

/// Whether somebody has given an idle worker something to do before its time was over. Called and left with the lock held.
static bool wait_for_work(struct worker *worker)
{
    struct timespec end;

    if (idle_count >= MAX_IDLE) {
        return false;
    }
    worker->has_work = false;
    worker->next = idle;
    idle = worker;
    idle_count++;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += IDLE_SECONDS;
    while (!worker->has_work) {
        if (pthread_cond_timedwait(&worker->wake, &lock, &end) == ETIMEDOUT && !worker->has_work) {
            remove_idle(worker);
            return false;
        }
    }
    return true;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    bool has_work = true;

    while (has_work) {
        // For people only, so nothing to do when it fails.
        pthread_setname_np(pthread_self(), worker->work.name);
        worker->work.body(worker->work.context);
        pthread_mutex_lock(&lock);
        has_work = wait_for_work(worker);
        pthread_mutex_unlock(&lock);
    }
    pthread_cond_destroy(&worker->wake);
    free(worker);
    return NULL;
}

static int create_detached(struct worker *worker)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    // A thread inherits the mask of its creator.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

static int start_worker(const struct work *work)
{
    struct worker *worker = malloc(sizeof *worker);
    pthread_condattr_t attributes;
    int result;

    if (worker == NULL) {
        return -ENOMEM;
    }
    *worker = (struct worker){.work = *work};
    // A clock that is set does not end the wait.
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    result = create_detached(worker);
    if (result < 0) {
        pthread_cond_destroy(&worker->wake);
        free(worker);
    }
    return result;
}

/// Gives an idle worker something to do, if there is one.
static bool wake_worker(const struct work *work)
{
    struct worker *worker;

    pthread_mutex_lock(&lock);
    worker = idle;
    if (worker != NULL) {
        remove_idle(worker);
        worker->work = *work;
        worker->has_work = true;
        pthread_cond_signal(&worker->wake);
    }
    pthread_mutex_unlock(&lock);
    return worker != NULL;
}

int clinux_thread_start(const char *name, void (*body)(void *context), void *context)
{
    struct work work = {.body = body, .context = context};

    snprintf(work.name, sizeof work.name, "%s", name);
    return wake_worker(&work) ? 0 : start_worker(&work);
}
