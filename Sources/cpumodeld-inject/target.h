// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "reason.h"

/// A process that is meant by its pidfd. Its number is only good as long as the pidfd says that it lives.
struct target {
    int pidfd;
    pid_t pid;
};

/// Takes a process as target, unless it is one that nobody may have stopped.
bool target_open(struct target *target, int pidfd, struct reason *reason);

/// Whether it lives still, and so its number is its own.
bool target_is_alive(const struct target *target);
