// SPDX-License-Identifier: Apache-2.0

#include <errno.h>

#include "connection.h"
#include "error.h"

/// The daemon's codes for "there is no such VM" and "the name is another VM's".
enum { UNKNOWN_VM = -32031, NAME_IN_USE = -32030 };

int cpumodel_detach(
    struct cpumodel *connection, const char *vm, const char *request_id, struct cpumodel_error *error)
{
    if (!vm || !request_id)
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "which VM to detach from takes its name, and the request that it is from");
    struct text params = {0};
    struct cpumodel_error refusal;
    cpumodel_text_format(&params, "{\"vm\":");
    cpumodel_text_string(&params, vm);
    cpumodel_text_format(&params, ",\"requestId\":");
    cpumodel_text_string(&params, request_id);
    cpumodel_text_add(&params, "}", 1);
    int code = cpumodel_request(
        connection, &(struct request){.method = "vm.forget", .params = &params}, NULL, &refusal);
    cpumodel_text_free(&params);
    if (code < 0 && code != UNKNOWN_VM && code != NAME_IN_USE && error) {
        *error = refusal;
        return code;
    }
    if (code < 0)
        cpumodel_error_clear(&refusal);
    return code == UNKNOWN_VM || code == NAME_IN_USE ? 0 : code;
}
