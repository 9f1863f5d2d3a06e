// SPDX-License-Identifier: Apache-2.0

#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#include "cpumodel.h"
#include "../CCPUModelClient/text.h"

/// The daemon's own errors are at and below this; above are errnos of this side.
enum { DAEMON_ERRORS = -32000 };

static int ask(const struct options *options, struct cpumodel_error *error)
{
    struct cpumodel *daemon;
    int code = cpumodel_connect(&daemon, options->socket, error);
    if (code < 0)
        return code;
    struct text params = {0};
    const char *unavailable = options->drop_unavailable ? "drop" : "fail";
    cpumodel_text_format(&params, "{\"vcpus\":[],\"unavailable\":\"%s\",\"model\":", unavailable);
    cpumodel_text_string(&params, options->model);
    cpumodel_text_add(&params, "}", 2);
    if (params.failed)
        code = -1;
    else
        code = cpumodel_call(daemon, "table.compute", params.bytes, NULL, error);
    cpumodel_text_free(&params);
    cpumodel_close(daemon);
    return code;
}

bool model_is_fit(const struct options *options, char *reason, size_t size)
{
    struct cpumodel_error error = {.message = "there is not enough memory"};
    int code = ask(options, &error);
    if (code == 0)
        return true;
    bool passes = code > DAEMON_ERRORS && options->pass_without_daemon;
    if (passes)
        fprintf(stderr, "cpumodel-exec: warning: %s; the VMM may get its own tables\n", error.message);
    else
        snprintf(reason, size, "%s", error.message);
    cpumodel_error_clear(&error);
    return passes;
}
