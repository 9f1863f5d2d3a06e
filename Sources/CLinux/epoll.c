// SPDX-License-Identifier: Apache-2.0
#include "clinux_epoll.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

_Static_assert(CLINUX_EPOLLIN == EPOLLIN && CLINUX_EPOLLPRI == EPOLLPRI && CLINUX_EPOLLOUT == EPOLLOUT, "ABI values");
_Static_assert(CLINUX_EPOLLERR == EPOLLERR && CLINUX_EPOLLHUP == EPOLLHUP, "ABI values");
_Static_assert(CLINUX_EPOLLRDHUP == EPOLLRDHUP, "ABI values");

int clinux_epoll_create(void)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    return epoll < 0 ? -errno : epoll;
}

static int control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token)
{
    struct epoll_event event = {.events = events, .data.u64 = token};

    return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int clinux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token)
{
    return control(epoll, EPOLL_CTL_ADD, descriptor, events, token);
}

int clinux_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token)
{
    return control(epoll, EPOLL_CTL_MOD, descriptor, events, token);
}

int clinux_epoll_remove(int epoll, int descriptor)
{
    return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
}

int clinux_epoll_wait(int epoll, struct clinux_epoll_event *events, int timeout)
{
    struct epoll_event ready[CLINUX_EPOLL_BATCH];
    int count = epoll_wait(epoll, ready, CLINUX_EPOLL_BATCH, timeout);

    if (count < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    for (int i = 0; i < count; i++) {
        events[i].token = ready[i].data.u64;
        events[i].events = ready[i].events;
    }
    return count;
}
