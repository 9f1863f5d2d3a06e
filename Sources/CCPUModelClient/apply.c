// SPDX-License-Identifier: Apache-2.0

#include <errno.h>
#include <stdlib.h>

#include "connection.h"
#include "error.h"
#include "guest.h"

/// The parameters of vm.apply; what has its default is left out.
static void write_params(struct text *params, const struct cpumodel_vm *vm)
{
    cpumodel_text_format(params, "{\"fds\":%u,\"name\":", vm->vcpu_count);
    cpumodel_text_string(params, vm->name);
    cpumodel_text_add(params, ",", 1);
    cpumodel_guest_write(params, vm, &vm->topology);
    if (vm->accept_altered)
        cpumodel_text_format(params, ",\"altered\":\"accept\"");
    if (vm->replace)
        cpumodel_text_format(params, ",\"replace\":true");
    if (vm->join)
        cpumodel_text_format(params, ",\"join\":true");
    cpumodel_text_add(params, "}", 1);
}

int cpumodel_apply(
    struct cpumodel *connection, const struct cpumodel_vm *vm, struct cpumodel_result **result,
    struct cpumodel_error *error)
{
    *result = NULL;
    if (!vm->name || !vm->vcpu_fds)
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "a VM needs a name and the descriptors of its vCPUs");
    int code = cpumodel_guest_check(vm, error);
    if (code < 0)
        return code;

    struct text params = {0};
    char *json = NULL;
    write_params(&params, vm);
    const struct request request = {
        .method = "vm.apply",
        .params = &params,
        .fds = vm->vcpu_fds,
        .fd_count = vm->vcpu_count,
        .execute = vm->execute,
        .context = vm->context,
    };
    code = cpumodel_request(connection, &request, &json, error);
    cpumodel_text_free(&params);
    if (code < 0)
        return code;

    code = cpumodel_result_read(json, result);
    free(json);
    if (code == -ENOMEM)
        return cpumodel_error_no_memory(error);
    if (code < 0)
        return cpumodel_error_set(error, -EPROTO, "protocol", "the daemon's answer to vm.apply is no object");
    return 0;
}
