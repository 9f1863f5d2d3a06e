// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_CONNECTION_H
#define CPUMODEL_CONNECTION_H

#include <stdatomic.h>

#include "cpumodel.h"
#include "json.h"
#include "text.h"
#include "turn.h"
#include "wire.h"

struct cpumodel {
    /// Taken from a request to its answer: one at most is under way.
    struct turn turn;
    struct wire wire;
    atomic_int timeout;
    /// The socket of `wire`, for those whose turn it is not: open as long as it stands here and turn.lock is held.
    atomic_int socket;
    /// Id of the request sent last.
    int64_t id;
    /// Who runs the jobs that come while a call waits, if not the calling thread.
    cpumodel_executor *execute;
    void *context;
    /// What belongs to an agent's connection; NULL for any other.
    const struct cpumodel_agent_hooks *agent;
};

/// How an agent's connection differs from others: jobs are run elsewhere and answered later, by other threads.
struct cpumodel_agent_hooks {
    void *context;
    /// Takes a job over, with its descriptors, which it closes. `id` is JSON text. Returns NULL; or, when it takes
    /// nothing, the reason in a sentence.
    const char *(*take_job)(void *context, struct json id, int64_t deadline_ms, int *fds, size_t fd_count);
    /// Sends a line, one at a time. Returns 0 or the code of `error`.
    int (*send)(void *context, const char *line, size_t length, struct cpumodel_error *error);
};

/// Closes the connection, whose turn it is, and keeps the object.
void cpumodel_connection_end(struct cpumodel *connection);

/// One call of the daemon.
struct request {
    const char *method;
    /// One line of JSON text, or empty.
    const struct text *params;
    const int *fds;
    size_t fd_count;
    /// As in cpumodel_vm.
    cpumodel_executor *execute;
    void *context;
};

/// Sends a request and waits for its answer, serving the daemon's own requests meanwhile. Waits first for the call of
/// another thread. `result`, unless NULL, gets the result's text. Returns 0 or the code of `error`.
int cpumodel_request(
    struct cpumodel *connection, const struct request *request, char **result, struct cpumodel_error *error);

/// Serves the daemon's requests until the connection ends. Returns the code of `error`.
int cpumodel_serve(struct cpumodel *connection, struct cpumodel_error *error);

#endif
