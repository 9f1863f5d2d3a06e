// SPDX-License-Identifier: Apache-2.0
//
// Threads take turns on a connection.

#ifndef CPUMODEL_TURN_H
#define CPUMODEL_TURN_H

#include <pthread.h>
#include <stdbool.h>

#include "wire.h"

struct turn {
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    bool is_taken;
    /// Whose it is, while it is taken.
    pthread_t thread;
};

void cpumodel_turn_init(struct turn *turn);
void cpumodel_turn_destroy(struct turn *turn);

/// Waits until no other thread has the turn, and takes it. Returns 0; or minus an errno: -ETIMEDOUT, or -EDEADLK where the
/// thread would wait for itself.
int cpumodel_turn_take(struct turn *turn, deadline until);

void cpumodel_turn_give_back(struct turn *turn);

#endif
