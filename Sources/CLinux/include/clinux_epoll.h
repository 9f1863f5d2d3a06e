// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

// The EPOLL constants, which Swift's Glibc module lacks. They are the values of the kernel's ABI.
enum {
    CLINUX_EPOLLIN = 0x001,
    CLINUX_EPOLLPRI = 0x002,
    CLINUX_EPOLLOUT = 0x004,
    CLINUX_EPOLLERR = 0x008,
    CLINUX_EPOLLHUP = 0x010,
    CLINUX_EPOLLRDHUP = 0x2000,
};

// One ready descriptor. struct epoll_event is packed on x86-64 and hides the token in a union; this one is neither.
struct clinux_epoll_event {
    uint64_t token;
    uint32_t events;
};

// At most this many events come from one wait.
enum { CLINUX_EPOLL_BATCH = 128 };

int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int clinux_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token);
int clinux_epoll_remove(int epoll, int descriptor);

// Waits for events, at most `timeout` milliseconds (-1: for ever), and returns how many there are. `events` has room
// for CLINUX_EPOLL_BATCH. A wait that a signal cut short returns 0.
int clinux_epoll_wait(int epoll, struct clinux_epoll_event *events, int timeout);
