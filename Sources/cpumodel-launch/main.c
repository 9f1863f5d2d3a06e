// SPDX-License-Identifier: Apache-2.0
//
// A launcher as small as one can be: it makes a VM, has cpumodeld give its vCPUs a model, and asks the guest. It is
// the example of how to use libcpumodel, and a tool for the daemon's tests.

#include <stdio.h>
#include <unistd.h>

#include "guest.h"
#include "machine.h"
#include "misbehave.h"
#include "options.h"
#include "report.h"

enum status {
    APPLIED = 0,
    REFUSED = 1,
    USAGE = 2,
    FAULT = 3,
    SURPRISED = 4,
    NOT_RUN = 5,
};

/// Whether the daemon worked and said no, or something between it and this program did not work.
static enum status status_of(const struct cpumodel_error *error)
{
    switch (error->code) {
    case -32013:  // ownerDeadline
    case -32014:  // ownerFault
    case -32015:  // ownerGone
    case -32020:  // badDescriptor
    case -32021:  // descriptorCount
    case -32050:  // hostUnavailable
    case -32060:  // limitExceeded
        return FAULT;
    default:
        return error->code <= -32000 && error->code >= -32099 ? REFUSED : FAULT;
    }
}

/// Tries the models in order until one is applied or there is more amiss than the model.
static enum status apply(
    struct cpumodel *daemon, const struct options *options, const struct machine *machine,
    struct cpumodel_result **result, struct cpumodel_error *error)
{
    struct cpumodel_vm vm = {
        .name = options->name,
        .vcpu_fds = machine->vcpus,
        .vcpu_count = machine->vcpu_count,
        .topology = options->topology,
        .drop_unavailable = options->drop_unavailable,
        .accept_altered = options->accept_altered,
        .replace = options->replace,
        .execute = options->misbehave ? misbehave_find(options->misbehave) : NULL,
        .context = daemon,
    };
    for (unsigned i = 0;; i++) {
        vm.model = options->models[i];
        if (cpumodel_apply(daemon, &vm, result, error) == 0)
            return APPLIED;
        if (!options->json)
            report_failed(vm.model, error);
        enum status status = status_of(error);
        if (status != REFUSED || i + 1 == options->model_count)
            return status;
        cpumodel_error_clear(error);
    }
}

static enum status look(const struct machine *machine, struct sighting *sighting)
{
    guest_look(machine, sighting);
    if (*sighting->failure)
        return NOT_RUN;
    return sighting->unexplained ? SURPRISED : APPLIED;
}

static enum status launch(struct cpumodel *daemon, const struct options *options, const struct machine *machine)
{
    struct cpumodel_result *result = NULL;
    struct cpumodel_error error;
    static struct sighting sighting;
    enum status status = apply(daemon, options, machine, &result, &error);
    bool applied = status == APPLIED, ran = applied && options->run;
    if (ran)
        status = look(machine, &sighting);
    if (options->json)
        report_json(options->name, result, applied ? NULL : &error, ran ? &sighting : NULL, status);
    else if (applied)
        report_applied(result);
    if (ran && !options->json)
        report_guest(&sighting);
    fflush(stdout);
    if (!applied)
        cpumodel_error_clear(&error);
    cpumodel_result_free(result);
    if (applied)
        sleep(options->hold_seconds);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct machine machine;
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (!options_read(&options, argc, argv))
        return USAGE;
    enum status status = FAULT;
    if (machine_make(&machine, options.vcpus, &options.topology) == 0) {
        if (!options.json)
            printf("%s: %u vCPUs, interrupt controller: %s\n", options.name, options.vcpus, machine.irqchip);
        fflush(stdout);
        if (cpumodel_connect(&daemon, options.socket, &error) == 0) {
            cpumodel_set_timeout(daemon, options.timeout_seconds * 1000);
            status = launch(daemon, &options, &machine);
            cpumodel_close(daemon);
        } else {
            if (options.json)
                report_json(options.name, NULL, &error, NULL, FAULT);
            else
                fprintf(stderr, "cpumodel-launch: %s\n", error.message);
            cpumodel_error_clear(&error);
        }
    }
    machine_end(&machine);
    return (int)status;
}
