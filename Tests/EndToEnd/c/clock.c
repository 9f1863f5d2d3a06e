// SPDX-License-Identifier: Apache-2.0
//
// Loaded into a program, it lets somebody set that program's wall clock, and no other's: $CPUMODELD_TEST_CLOCK names a file of
// eight bytes, the seconds by which CLOCK_REALTIME is off. The other clocks are the system's.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t offset(void)
{
    static const volatile int64_t *file;

    if (!file) {
        const char *path = getenv("CPUMODELD_TEST_CLOCK");
        int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *address = mmap(NULL, sizeof *file, PROT_READ, MAP_SHARED, descriptor, 0);

        close(descriptor);
        if (address == MAP_FAILED) {
            abort();
        }
        file = address;
    }
    return *file;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += offset();
    }
    return result;
}

time_t time(time_t *result)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (result) {
        *result = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec time;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}
