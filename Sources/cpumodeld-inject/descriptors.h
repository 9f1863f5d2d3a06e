// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "reason.h"
#include "target.h"

/// Finds by which numbers a thread of the target has our descriptors open: the same open files (kcmp(2)). The thread is
/// stopped, so they stay what they are.
bool find_descriptors(
    const struct target *target, pid_t tid, const int *ours, unsigned count, int *theirs, struct reason *reason);
