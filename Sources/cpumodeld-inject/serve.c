// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "serve.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "request.h"
#include "run.h"

enum { MAX_DEADLINE = 60000 };

struct session {
    int connection;
    bool has_replied;
};

static void reply(struct session *session, unsigned executed, bool is_complete, const char *reason)
{
    if (session->has_replied)
        return;
    struct cinject_reply reply = {.executed = executed, .is_complete = is_complete};
    size_t size = offsetof(struct cinject_reply, reason);
    if (!is_complete) {
        strncpy(reply.reason, reason, sizeof reply.reason - 1);
        size += strlen(reply.reason) + 1;
    }
    send(session->connection, &reply, size, MSG_NOSIGNAL);
    session->has_replied = true;
}

static void reply_late(void *context, unsigned executed)
{
    reply(
        context, executed, false,
        "the process did not come out of a system call in time; it is let go as soon as it does");
}

/// The signals by which a service is ended wait until the target is as it was.
static void prepare_signals(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGCHLD);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, NULL);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

void serve(int connection, bool try_filtered)
{
    prepare_signals();
    struct session session = {.connection = connection};
    struct injection_request request;
    struct reason reason = {};
    if (!request_receive(&request, connection, &reason)) {
        reply(&session, 0, false, reason.text);
        return;
    }
    uint32_t limit = request.head.deadline_ms < MAX_DEADLINE ? request.head.deadline_ms : MAX_DEADLINE;
    struct run run = {
        .pidfd = request.fds[0],
        .job = request.fds[1],
        .vcpus = request.fds + 2,
        .vcpu_count = request.head.vcpu_count,
        .deadline = clock_now() + limit,
        .try_filtered = try_filtered || request.head.flags & CINJECT_TRY_FILTERED,
        .on_late = reply_late,
        .context = &session,
    };
    unsigned executed = 0;
    bool is_complete = run_job(&run, &executed, &reason);
    reply(&session, executed, is_complete, reason.text);
}
