// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "next.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int ioctl_function(int fd, unsigned long request, ...);

int next_ioctl(int fd, unsigned long request, void *argument)
{
    // Two threads that look it up at once find the same.
    static _Atomic(ioctl_function *) next;
    ioctl_function *function = atomic_load_explicit(&next, memory_order_relaxed);
    if (!function) {
        function = (ioctl_function *)dlsym(RTLD_NEXT, "ioctl");
        atomic_store_explicit(&next, function, memory_order_relaxed);
    }
    return function ? function(fd, request, argument) : (int)syscall(SYS_ioctl, fd, request, argument);
}
