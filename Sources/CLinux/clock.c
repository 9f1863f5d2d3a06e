// SPDX-License-Identifier: Apache-2.0
#include "clinux_clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#define NANOSECONDS_A_SECOND 1000000000ULL

uint64_t clinux_monotonic_nanoseconds(void)
{
    struct timespec now;

    // Cannot fail: the clock exists on every Linux and the pointer is valid.
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_A_SECOND + (uint64_t)now.tv_nsec;
}

int clinux_timerfd_create(void)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    return timer < 0 ? -errno : timer;
}

int clinux_timerfd_arm(int timer, uint64_t deadline)
{
    // A zero time would disarm the timer; one nanosecond after boot is as much in the past.
    uint64_t at = deadline > 0 ? deadline : 1;
    struct itimerspec once = {
        .it_value = {
            .tv_sec = (time_t)(at / NANOSECONDS_A_SECOND),
            .tv_nsec = (long)(at % NANOSECONDS_A_SECOND),
        },
    };

    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &once, NULL) < 0 ? -errno : 0;
}
