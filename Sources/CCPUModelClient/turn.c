// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "turn.h"

#include <errno.h>
#include <time.h>

void cpumodel_turn_init(struct turn *turn)
{
    pthread_mutex_init(&turn->lock, NULL);
    pthread_cond_init(&turn->given_back, NULL);
    turn->is_taken = false;
}

void cpumodel_turn_destroy(struct turn *turn)
{
    pthread_cond_destroy(&turn->given_back);
    pthread_mutex_destroy(&turn->lock);
}

/// Waits, with the lock held, for a change. Returns false when the time is over.
static bool wait_until(struct turn *turn, deadline until)
{
    const struct timespec time = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    if (until < 0)
        return pthread_cond_wait(&turn->given_back, &turn->lock) == 0;
    return pthread_cond_clockwait(&turn->given_back, &turn->lock, CLOCK_MONOTONIC, &time) != ETIMEDOUT;
}

int cpumodel_turn_take(struct turn *turn, deadline until)
{
    int code = 0;
    pthread_mutex_lock(&turn->lock);
    while (turn->is_taken && code == 0) {
        if (pthread_equal(turn->thread, pthread_self()))
            code = -EDEADLK;
        else if (!wait_until(turn, until) && turn->is_taken)
            code = -ETIMEDOUT;
    }
    if (code == 0) {
        turn->is_taken = true;
        turn->thread = pthread_self();
    }
    pthread_mutex_unlock(&turn->lock);
    return code;
}

void cpumodel_turn_give_back(struct turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    turn->is_taken = false;
    pthread_cond_signal(&turn->given_back);
    pthread_mutex_unlock(&turn->lock);
}
