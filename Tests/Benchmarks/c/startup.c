// SPDX-License-Identifier: Apache-2.0
//
// From exec to the first answer, as systemd starts a service by its socket: the socket is there before the program is,
// and so is the request.
//
//   startup ROUNDS SOCKET REQUEST-FILE PROGRAM ARGUMENT...

#define _GNU_SOURCE
#include "lines.h"

#include <signal.h>
#include <sys/wait.h>

enum { FIRST_PASSED = 3 };

static pid_t start(char **command, int listener)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "cpumodeld-query", 1);
    if (listener == FIRST_PASSED)
        fcntl(listener, F_SETFD, 0);
    else if (dup2(listener, FIRST_PASSED) < 0)
        _exit(126);
    execv(command[0], command);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return fprintf(stderr, "usage: startup ROUNDS SOCKET REQUEST-FILE PROGRAM ARGUMENT...\n"), 2;
    unsigned rounds = (unsigned)strtoul(argv[1], NULL, 10);
    struct text request = contents_of(argv[3]);
    char *line = line_buffer();
    struct samples samples = {0};
    for (unsigned i = 0; i < rounds + 2; i++) {
        int listener = listen_at(argv[2], SOCK_CLOEXEC);
        int client = connect_to(argv[2]);
        write_all(client, request.bytes, request.length);
        double begin = now();
        pid_t child = start(argv + 4, listener);
        read_line(client, line);
        double took = now() - begin;
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
        close(client);
        close(listener);
        if (i >= 2)
            add(&samples, took);
    }
    unlink(argv[2]);
    printf("{");
    print_samples("ours", &samples);
    printf("}\n");
    return 0;
}
