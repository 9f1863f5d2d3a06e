// SPDX-License-Identifier: Apache-2.0
//
// What the daemon may ask of the owner of a VM: Protocol.md, "Requests to the client".

#include "owner.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"

enum {
    INVALID_REQUEST = -32600,
    UNKNOWN_METHOD = -32601,
    INVALID_PARAMETERS = -32602,
    DESCRIPTOR_COUNT = -32021,
    NOT_EXECUTED = -32090,
};

static void begin_answer(struct text *reply, struct json id)
{
    cpumodel_text_format(reply, "{\"jsonrpc\":\"2.0\",\"id\":");
    if (id.begin)
        cpumodel_text_json(reply, id.begin, (size_t)(id.end - id.begin));
    else
        cpumodel_text_format(reply, "null");
}

void cpumodel_owner_refuse(struct text *reply, struct json id, int code, const char *message)
{
    begin_answer(reply, id);
    cpumodel_text_format(reply, ",\"error\":{\"code\":%d,\"message\":", code);
    cpumodel_text_string(reply, message);
    cpumodel_text_format(reply, "}}");
}

static void answer_executed(struct text *reply, struct json id, int executed)
{
    begin_answer(reply, id);
    cpumodel_text_format(reply, ",\"result\":{\"executed\":%d}}", executed);
}

/// `owner.execute`, with the job first among the descriptors.
static void execute(
    const struct cpumodel *connection, struct json id, struct json params, const int *fds, size_t fd_count,
    struct text *reply)
{
    int64_t version, vcpus;
    if (!cpumodel_json_integer(cpumodel_json_member(params, "version"), &version) || version != 1) {
        cpumodel_owner_refuse(reply, id, NOT_EXECUTED, "this client executes jobs of version 1 only");
        return;
    }
    if (!cpumodel_json_integer(cpumodel_json_member(params, "vcpus"), &vcpus) || fd_count == 0
        || vcpus != (int64_t)fd_count - 1) {
        cpumodel_owner_refuse(reply, id, INVALID_PARAMETERS, "fds must be 1 + vcpus");
        return;
    }
    char reason[256] = "the launcher did not execute the job";
    int executed;
    if (connection->execute)
        executed =
            connection->execute(connection->context, fds[0], fds + 1, (unsigned)vcpus, reason, sizeof reason);
    else
        executed = cpumodel_execute_job(fds[0], fds + 1, (unsigned)vcpus, reason, sizeof reason);
    if (executed < 0)
        cpumodel_owner_refuse(reply, id, NOT_EXECUTED, reason);
    else
        answer_executed(reply, id, executed);
}

int cpumodel_owner_serve(
    struct cpumodel *connection, struct json request, bool in_batch, struct text *reply,
    struct cpumodel_error *error)
{
    struct json id = cpumodel_json_member(request, "id");
    struct json method = cpumodel_json_member(request, "method");
    struct json params = cpumodel_json_member(request, "params");
    struct json declared = cpumodel_json_member(params, "fds");
    int64_t count = 0;
    // Without a count that can be believed nobody knows whose the next descriptors are.
    if (declared.begin && (!cpumodel_json_integer(declared, &count) || count < 0 || count > 1 + CPUMODEL_MAX_VCPUS))
        return cpumodel_error_set(
            error, -EPROTO, "protocol", "the daemon declared an impossible number of descriptors");

    int *fds = calloc((size_t)count + 1, sizeof *fds);
    if (!fds)
        return cpumodel_error_no_memory(error);
    if (!cpumodel_wire_take(&connection->wire, fds, (size_t)count)) {
        free(fds);
        cpumodel_owner_refuse(reply, id, DESCRIPTOR_COUNT, "fewer descriptors arrived than the request declares");
        return cpumodel_error_set(error, -EPROTO, "protocol", "the daemon sent fewer descriptors than it declared");
    }
    // Without an id it is a notification, and nothing that the library knows comes as one.
    bool is_request = id.begin, is_execute = cpumodel_json_is(method, "owner.execute");
    if (is_request && !is_execute)
        cpumodel_owner_refuse(reply, id, UNKNOWN_METHOD, "this client does not know the method");
    else if (is_request && in_batch)
        cpumodel_owner_refuse(reply, id, INVALID_REQUEST, "a request with descriptors may not stand in a batch");
    else if (is_request)
        execute(connection, id, params, fds, (size_t)count, reply);
    for (int64_t i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
    return 0;
}
