// SPDX-License-Identifier: Apache-2.0
//
// cpumodeld-inject: runs cpumodeld's jobs in VMMs that do not run them themselves, by ptrace(2). All that it does to a
// process is to have one of its threads make the ioctls of a job, and to map and unmap the memory for their arguments.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"
#include "serve.h"

static const char usage[] =
    "Usage: cpumodeld-inject [--user USER] [--socket PATH] [--try-filtered]\n"
    "Run cpumodeld's KVM ioctls in processes that do not run them themselves, by ptrace.\n"
    "Needs CAP_SYS_PTRACE, and to read seccomp filters CAP_SYS_ADMIN. Started by cpumodeld-inject.socket.\n"
    "\n"
    "  --user USER     who may ask: a name or a number [the user it runs as]\n"
    "  --socket PATH   socket to make, where systemd gives none\n"
    "  --try-filtered  take processes, too, whose threads are all under seccomp filters that\n"
    "                  cannot be read; it takes CAP_SYS_ADMIN to read them. A filter that\n"
    "                  allows the call, fails it or traps it is no danger; one that kills\n"
    "                  (SECCOMP_RET_KILL_*) kills the process.\n";

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "cpumodeld-inject: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

static bool find_user(const char *text, uid_t *user)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    const struct passwd *entry = getpwnam(text);
    bool is_number = *text && !*end;
    *user = entry ? entry->pw_uid : (uid_t)number;
    return entry || is_number;
}

static bool is_allowed(int connection, uid_t user)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == user;
}

/// A process for each connection, so that nothing that befalls one reaches another.
static int serve_all(int listener, uid_t user, bool try_filtered)
{
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}, NULL);
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (connection < 0)
            return fail("no connection can be accepted", strerror(errno));
        if (is_allowed(connection, user) && fork() == 0) {
            close(listener);
            serve(connection, try_filtered);
            _exit(EXIT_SUCCESS);
        }
        close(connection);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"user", required_argument, NULL, 'u'},
        {"socket", required_argument, NULL, 's'},
        {"try-filtered", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *path = NULL;
    uid_t user = geteuid();
    bool try_filtered = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'u':
            if (!find_user(optarg, &user))
                return fail(optarg, "there is no such user");
            break;
        case 's': path = optarg; break;
        case 'f': try_filtered = true; break;
        case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
        default: fputs(usage, stderr); return 2;
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    int listener = listen_socket(path);
    if (listener < 0)
        return fail(path ? path : "there is no socket: say --socket, or start cpumodeld-inject.socket", strerror(-listener));
    return serve_all(listener, user, try_filtered);
}
