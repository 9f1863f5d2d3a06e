// SPDX-License-Identifier: Apache-2.0
//
// Many connections, each with one request under way at any time.
//
//   load SOCKET REQUEST-FILE CONNECTIONS MILLISECONDS

#define _GNU_SOURCE
#include "lines.h"

#include <sys/epoll.h>

struct client {
    int fd;
    double asked;
};

static void ask(struct client *client, const struct text *request)
{
    client->asked = now();
    write_all(client->fd, request->bytes, request->length);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return fprintf(stderr, "usage: load SOCKET REQUEST-FILE CONNECTIONS MILLISECONDS\n"), 2;
    struct text request = contents_of(argv[2]);
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    double duration = strtod(argv[4], NULL) * 1e3;
    struct client *clients = calloc(count, sizeof *clients);
    char *line = line_buffer();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || epoll < 0)
        fail("memory");
    for (unsigned i = 0; i < count; i++) {
        clients[i].fd = connect_to(argv[1]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event) < 0)
            fail("epoll_ctl");
    }
    struct samples samples = {0};
    double start = now(), end = start + duration;
    for (unsigned i = 0; i < count; i++)
        ask(&clients[i], &request);
    while (now() < end) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 1000);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            read_line(client->fd, line);
            add(&samples, now() - client->asked);
            ask(client, &request);
        }
    }
    double took = now() - start;
    printf("{\"callsPerSecond\":%.0f,", (double)samples.count / took * 1e6);
    print_samples("latency", &samples);
    printf("}\n");
    return 0;
}
