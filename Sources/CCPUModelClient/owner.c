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

void cpumodel_owner_answer(struct text *reply, struct json id, int executed, const char *reason)
{
    if (executed < 0) {
        cpumodel_owner_refuse(reply, id, NOT_EXECUTED, reason);
        return;
    }
    begin_answer(reply, id);
    cpumodel_text_format(reply, ",\"result\":{\"executed\":%d}}", executed);
}

/// Hands a job to the agent. Returns whether the descriptors are the agent's now.
static bool hand_over(
    const struct cpumodel *connection, struct json id, struct json params, int *fds, size_t fd_count,
    struct text *reply)
{
    int64_t milliseconds = 0;
    cpumodel_json_integer(cpumodel_json_member(params, "deadlineMs"), &milliseconds);
    const struct cpumodel_agent_hooks *agent = connection->agent;
    const char *reason = agent->take_job(agent->context, id, milliseconds, fds, fd_count);
    if (reason)
        cpumodel_owner_refuse(reply, id, NOT_EXECUTED, reason);
    return !reason;
}

/// `owner.execute`, with the job first among the descriptors. Returns whether the descriptors are somebody else's now.
static bool execute(
    const struct cpumodel *connection, struct json id, struct json params, int *fds, size_t fd_count,
    struct text *reply)
{
    int64_t version, vcpus;
    if (!cpumodel_json_integer(cpumodel_json_member(params, "version"), &version) || version != 1) {
        cpumodel_owner_refuse(reply, id, NOT_EXECUTED, "this client executes jobs of version 1 only");
        return false;
    }
    if (!cpumodel_json_integer(cpumodel_json_member(params, "vcpus"), &vcpus) || fd_count == 0
        || vcpus != (int64_t)fd_count - 1) {
        cpumodel_owner_refuse(reply, id, INVALID_PARAMETERS, "fds must be 1 + vcpus");
        return false;
    }
    if (connection->agent)
        return hand_over(connection, id, params, fds, fd_count, reply);
    char reason[256] = "the launcher did not execute the job";
    int executed;
    if (connection->execute)
        executed =
            connection->execute(connection->context, fds[0], fds + 1, (unsigned)vcpus, reason, sizeof reason);
    else
        executed = cpumodel_execute_job(fds[0], fds + 1, (unsigned)vcpus, reason, sizeof reason);
    cpumodel_owner_answer(reply, id, executed, reason);
    return false;
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
    bool is_request = id.begin, is_execute = cpumodel_json_is(method, "owner.execute"), taken = false;
    if (is_request && !is_execute)
        cpumodel_owner_refuse(reply, id, UNKNOWN_METHOD, "this client does not know the method");
    else if (is_request && in_batch)
        cpumodel_owner_refuse(reply, id, INVALID_REQUEST, "a request with descriptors may not stand in a batch");
    else if (is_request)
        taken = execute(connection, id, params, fds, (size_t)count, reply);
    for (int64_t i = 0; i < count && !taken; i++)
        close(fds[i]);
    free(fds);
    return 0;
}
