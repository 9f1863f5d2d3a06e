// SPDX-License-Identifier: Apache-2.0
//
// One call: a request goes out, and lines come in until its answer is among them. The daemon's own requests may come
// before it.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "error.h"
#include "json.h"
#include "owner.h"

/// A call that waits.
struct call {
    int64_t id;
    bool answered;
    /// Once answered: 0, or the code of the daemon's error.
    int code;
    char **result;
    struct cpumodel_error *error;
};

/// Where to describe a fault of the connection: nowhere once the answer is there, for then the answer counts.
static struct cpumodel_error *fault_of(const struct call *call)
{
    return call->answered ? NULL : call->error;
}

static int not_json_rpc(struct cpumodel_error *error)
{
    return cpumodel_error_set(error, -EPROTO, "protocol", "the daemon sent something that is not JSON-RPC");
}

static char *copy_text(struct json value)
{
    return strndup(value.begin, (size_t)(value.end - value.begin));
}

/// Takes over the error that the daemon answered. Returns its code.
static int take_error(struct json answer, struct cpumodel_error *error)
{
    struct json data = cpumodel_json_member(answer, "data");
    int64_t code;
    if (!cpumodel_json_integer(cpumodel_json_member(answer, "code"), &code) || code >= 0 || code < INT32_MIN)
        return not_json_rpc(error);
    if (!error)
        return (int)code;
    *error = (struct cpumodel_error){.code = (int)code};
    cpumodel_json_string(cpumodel_json_member(answer, "message"), error->message, sizeof error->message);
    cpumodel_json_string(cpumodel_json_member(data, "kind"), error->kind, sizeof error->kind);
    if (data.begin && !(error->data = copy_text(data)))
        return cpumodel_error_no_memory(error);
    return error->code;
}

/// What a message is, and belongs to.
enum { ID, METHOD, ERROR, RESULT, MEMBER_COUNT };

/// Looks whether a response is the one the call waits for. Returns 0, or the code of a fault of the connection.
static int settle(struct call *call, const struct json *members)
{
    struct json id = members[ID], error = members[ERROR], result = members[RESULT];
    if (!error.begin == !result.begin)
        return not_json_rpc(fault_of(call));
    int64_t number;
    bool ours = cpumodel_json_integer(id, &number) && number == call->id;
    // The daemon could not read a request well enough to know its id, and there is one only.
    bool unreadable = cpumodel_json_kind(id) == 'n' && error.begin;
    if (call->answered || (!ours && !unreadable))
        return 0;
    call->answered = true;
    if (error.begin)
        call->code = take_error(error, call->error);
    else if (call->result && !(*call->result = copy_text(result)))
        call->code = cpumodel_error_no_memory(call->error);
    return call->code == -EPROTO ? call->code : 0;
}

static int handle_message(
    struct cpumodel *connection, struct call *call, struct json message, bool in_batch, struct text *reply)
{
    if (cpumodel_json_kind(message) != '{')
        return not_json_rpc(fault_of(call));
    static const char *const names[MEMBER_COUNT] = {"id", "method", "error", "result"};
    struct json members[MEMBER_COUNT];
    cpumodel_json_members(message, names, members, MEMBER_COUNT);
    if (members[METHOD].begin)
        return cpumodel_owner_serve(connection, message, in_batch, reply, fault_of(call));
    return settle(call, members);
}

/// The answers to a batch are a batch themselves.
static int handle_batch(struct cpumodel *connection, struct call *call, struct json batch, struct text *reply)
{
    struct json key, message;
    int code = 0;
    for (const char *cursor = NULL; code == 0 && cpumodel_json_next(batch, &cursor, &key, &message);) {
        struct text answer = {0};
        code = handle_message(connection, call, message, true, &answer);
        if (answer.length) {
            cpumodel_text_add(reply, reply->length ? "," : "[", 1);
            cpumodel_text_add(reply, answer.bytes, answer.length);
        }
        reply->failed |= answer.failed;
        cpumodel_text_free(&answer);
    }
    if (reply->length)
        cpumodel_text_add(reply, "]", 1);
    return code;
}

/// Sends what is to be answered, if anything. `is_last` after a fault, whose description is not to be overwritten.
static int send_reply(
    struct cpumodel *connection, const struct call *call, struct text *reply, bool is_last, deadline until)
{
    struct cpumodel_error *error = is_last ? NULL : fault_of(call);
    if (!reply->length && !reply->failed)
        return 0;
    cpumodel_text_add(reply, "\n", 1);
    if (reply->failed)
        return cpumodel_error_no_memory(error);
    if (connection->agent)
        return connection->agent->send(connection->agent->context, reply->bytes, reply->length, error);
    return cpumodel_wire_send(&connection->wire, reply->bytes, reply->length, NULL, 0, until, error);
}

/// Handles a line and sends what is to be answered. Returns 0, or the code of a fault of the connection.
static int handle_line(
    struct cpumodel *connection, struct call *call, const char *line, size_t length, deadline until)
{
    struct json message;
    struct text reply = {0};
    int code;
    if (!cpumodel_json_read(line, length, &message))
        return length ? not_json_rpc(fault_of(call)) : 0;
    if (cpumodel_json_kind(message) == '[')
        code = handle_batch(connection, call, message, &reply);
    else
        code = handle_message(connection, call, message, false, &reply);
    if (code == 0 && cpumodel_wire_has_stray_fds(&connection->wire)) {
        if (!reply.length)
            cpumodel_owner_refuse(&reply, (struct json){0}, -32021, "descriptors arrived that no request declares");
        code = cpumodel_error_set(
            fault_of(call), -EPROTO, "protocol", "the daemon sent descriptors it did not declare");
    }
    int sent = send_reply(connection, call, &reply, code < 0, until);
    code = code < 0 ? code : sent;
    cpumodel_text_free(&reply);
    return code;
}

static int await_answer(struct cpumodel *connection, struct call *call, deadline until)
{
    int code = 0;
    while (code == 0 && !call->answered) {
        const char *line;
        size_t length;
        code = cpumodel_wire_receive(&connection->wire, &line, &length, until, call->error);
        if (code == 0)
            code = handle_line(connection, call, line, length, until);
    }
    return code;
}

/// Writes the line of a request. Returns 0 or the code of `error`.
static int write_request(int64_t id, const struct request *request, struct text *line, struct cpumodel_error *error)
{
    struct json checked;
    cpumodel_text_format(line, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"method\":", (long long)id);
    cpumodel_text_string(line, request->method);
    if (request->params->length) {
        cpumodel_text_format(line, ",\"params\":");
        cpumodel_text_json(line, request->params->bytes, request->params->length);
    }
    cpumodel_text_add(line, "}\n", 2);
    if (line->failed || request->params->failed)
        return cpumodel_error_no_memory(error);
    if (!cpumodel_json_read(line->bytes, line->length, &checked))
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "the request would not be valid JSON in UTF-8");
    return 0;
}

/// In its turn.
static int request_now(
    struct cpumodel *connection, const struct request *request, char **result, deadline until,
    struct cpumodel_error *error)
{
    if (connection->wire.socket < 0)
        return cpumodel_error_set(
            error, -ENOTCONN, "connection", "the connection to the daemon ended after an earlier fault");
    struct text line = {0};
    int code = write_request(++connection->id, request, &line, error);
    if (code < 0) {
        cpumodel_text_free(&line);
        return code;
    }
    struct call call = {.id = connection->id, .result = result, .error = error};
    connection->execute = request->execute;
    connection->context = request->context;
    code = cpumodel_wire_send(
        &connection->wire, line.bytes, line.length, request->fds, request->fd_count, until, error);
    cpumodel_text_free(&line);
    if (code == 0)
        code = await_answer(connection, &call, until);
    if (code < 0)
        cpumodel_connection_end(connection);
    return call.answered ? call.code : code;
}

static int take_turn(struct cpumodel *connection, deadline until, struct cpumodel_error *error)
{
    int code = cpumodel_turn_take(&connection->turn, until);
    if (code == -EDEADLK)
        return cpumodel_error_set(
            error, code, "invalidArgument", "an executor called the connection that waits for it");
    if (code < 0)
        return cpumodel_error_set(
            error, code, "timeout", "another thread's call on this connection did not end in time");
    return 0;
}

int cpumodel_request(
    struct cpumodel *connection, const struct request *request, char **result, struct cpumodel_error *error)
{
    if (result)
        *result = NULL;
    deadline until = cpumodel_deadline(connection->timeout);
    int code = take_turn(connection, until, error);
    if (code < 0)
        return code;
    code = request_now(connection, request, result, until, error);
    cpumodel_turn_give_back(&connection->turn);
    return code;
}

int cpumodel_serve(struct cpumodel *connection, struct cpumodel_error *error)
{
    // No request has this id, so only a fault ends it.
    struct call call = {.id = -1, .error = error};
    return await_answer(connection, &call, cpumodel_deadline(-1));
}

int cpumodel_call(
    struct cpumodel *connection, const char *method, const char *params, char **result, struct cpumodel_error *error)
{
    struct text text = {0};
    struct json checked;
    if (result)
        *result = NULL;
    if (params) {
        if (!cpumodel_json_read(params, strlen(params), &checked) || cpumodel_json_kind(checked) != '{')
            return cpumodel_error_set(error, -EINVAL, "invalidArgument", "the parameters are not one JSON object");
        cpumodel_text_add(&text, params, strlen(params));
    }
    int code = cpumodel_request(connection, &(struct request){.method = method, .params = &text}, result, error);
    cpumodel_text_free(&text);
    return code;
}
