// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

// CLOCK_MONOTONIC in nanoseconds: does not run while the machine is suspended, like the deadlines made from it.
uint64_t clinux_monotonic_nanoseconds(void);

// A timer descriptor on CLOCK_MONOTONIC, close-on-exec and non-blocking.
int clinux_timerfd_create(void);

// Arms the timer for one shot at `deadline` (nanoseconds on CLOCK_MONOTONIC; a time in the past fires at once).
int clinux_timerfd_arm(int timer, uint64_t deadline);
