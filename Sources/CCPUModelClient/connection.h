// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_CONNECTION_H
#define CPUMODEL_CONNECTION_H

#include "cpumodel.h"
#include "text.h"
#include "wire.h"

struct cpumodel {
    struct wire wire;
    int timeout;
    /// Id of the request sent last. One at most is under way.
    int64_t id;
    /// Who runs the jobs that come while a call waits, if not the calling thread.
    cpumodel_executor *execute;
    void *context;
};

/// Sends a request and waits for its answer, serving the daemon's own requests meanwhile. `params` is one line of JSON
/// text, or empty; `result`, unless NULL, gets the result's text. Returns 0 or the code of `error`.
int cpumodel_request(
    struct cpumodel *connection, const char *method, const struct text *params, const int *fds, size_t fd_count,
    char **result, struct cpumodel_error *error);

#endif
