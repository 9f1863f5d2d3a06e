// SPDX-License-Identifier: Apache-2.0
//
// A server that reads lines and writes to each the answer it was given, and does nothing else: the limit of what a
// daemon can do.
//
//   echo SOCKET ANSWER-FILE

#define _GNU_SOURCE
#include "lines.h"

#include <sys/epoll.h>

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

static void answer_lines(int fd, const struct text *answer)
{
    static char buffer[1 << 16];
    ssize_t count = recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) {
        close(fd);
        return;
    }
    for (ssize_t i = 0; i < count; i++)
        if (buffer[i] == '\n')
            write_all(fd, answer->bytes, answer->length);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: echo SOCKET ANSWER-FILE\n"), 2;
    struct text answer = contents_of(argv[2]);
    int listener = listen_at(argv[1], SOCK_CLOEXEC | SOCK_NONBLOCK), epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            else
                answer_lines(fd, &answer);
        }
    }
}
