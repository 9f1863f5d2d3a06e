// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_OWNER_H
#define CPUMODEL_OWNER_H

#include "connection.h"
#include "json.h"

/// Serves one request or notification of the daemon and closes the descriptors that came with it. The answer, if one
/// is due, is added to `reply`. Returns 0; or the code of `error` when the connection is not fit to go on, with the
/// answer, if any, still to be sent.
int cpumodel_owner_serve(
    struct cpumodel *connection, struct json request, bool in_batch, struct text *reply,
    struct cpumodel_error *error);

/// Adds the answer to `owner.execute`: the number of steps executed; or, where that is negative, the reason why none was.
void cpumodel_owner_answer(struct text *reply, struct json id, int executed, const char *reason);

/// Adds a JSON-RPC error answer. An id that is none is written as null.
void cpumodel_owner_refuse(struct text *reply, struct json id, int code, const char *message);

#endif
