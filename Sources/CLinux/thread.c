// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { STACK_SIZE = 512 * 1024, NAME_SIZE = 16 };

struct start {
    void (*body)(void *);
    void *context;
    char name[NAME_SIZE];
};

static void *run(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    // For people only, so nothing to do when it fails.
    pthread_setname_np(pthread_self(), start.name);
    start.body(start.context);
    return NULL;
}

static int create_detached(struct start *start)
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
    error = pthread_create(&thread, &attributes, run, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

int clinux_thread_start(const char *name, void (*body)(void *context), void *context)
{
    struct start *start = malloc(sizeof *start);
    int result;

    if (start == NULL) {
        return -ENOMEM;
    }
    *start = (struct start){.body = body, .context = context};
    snprintf(start->name, sizeof start->name, "%s", name);
    result = create_detached(start);
    if (result < 0) {
        free(start);
    }
    return result;
}
