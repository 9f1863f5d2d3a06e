// SPDX-License-Identifier: Apache-2.0
//
// A launcher as small as one can be: it makes a VM, has cpumodeld give its vCPUs a model, and asks the guest. It is
// the example of how to use libcpumodel, and a tool for the daemon's tests.

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "look.h"
#include "machine.h"
#include "misbehave.h"
#include "options.h"
#include "report.h"
#include "toggle.h"

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
        .parameters = options->parameters,
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

/// Lets the daemon read the vCPUs from now on. Without an agent the VM runs as well.
static struct cpumodel_agent *start_agent(
    const struct options *options, const struct machine *machine, const struct cpumodel_result *result)
{
    const struct cpumodel_agent_options agent_options = {
        .path = options->socket,
        .vm = options->name,
        .request_id = result->request_id,
        .vcpu_fds = machine->vcpus,
        .vcpu_count = machine->vcpu_count,
    };
    struct cpumodel_agent *agent;
    struct cpumodel_error error;
    if (cpumodel_agent_start(&agent, &agent_options, &error) < 0) {
        fprintf(stderr, "cpumodel-launch: no agent: %s\n", error.message);
        return NULL;
    }
    cpumodel_agent_wait(agent, options->timeout_seconds * 1000);
    return agent;
}

static enum status look(struct guest *guest, const struct machine *machine, struct sighting *sighting)
{
    *sighting = (struct sighting){0};
    if (guest_start(guest, machine) == 0)
        look_at_all(guest, sighting);
    else
        memcpy(sighting->failure, guest->failure, sizeof sighting->failure);
    sighting->mode = guest->mode;
    if (*sighting->failure)
        return NOT_RUN;
    return sighting->unexplained ? SURPRISED : APPLIED;
}

static enum status step(struct toggle *toggle, const char *command, bool json)
{
    static struct standing standing;
    enum status status = toggle_do(toggle, command, &standing) < 0 ? NOT_RUN : APPLIED;
    if (json)
        report_standing_json(&standing);
    else
        report_standing(&standing);
    fflush(stdout);
    return standing.sighting.unexplained ? SURPRISED : status;
}

/// A line of standard input without its end; NULL at the last.
static char *read_command(char *line, size_t size)
{
    if (!fgets(line, (int)size, stdin))
        return NULL;
    line[strcspn(line, "\r\n")] = 0;
    return strcmp(line, "quit") ? line : NULL;
}

/// What the guest is to do next: of itself, or as it is asked. NULL when that is all.
static const char *next_command(struct toggle *toggle, enum guest_kind kind, char *line, size_t size)
{
    if (kind == GUEST_TOGGLES)
        return toggle_next(toggle);
    const char *command = read_command(line, size);
    if (!command || strcmp(command, "step"))
        return command;
    command = toggle_next(toggle);
    return command ? command : toggle_next(toggle);
}

static enum status toggle_all(struct guest *guest, const struct options *options)
{
    struct toggle toggle;
    char line[64];
    enum status worst = APPLIED;
    if (toggle_start(&toggle, guest) < 0)
        return NOT_RUN;
    for (const char *command; (command = next_command(&toggle, options->guest, line, sizeof line));) {
        enum status status = step(&toggle, command, options->json);
        if (status != APPLIED)
            worst = status;
        if (status == NOT_RUN)
            break;
    }
    return worst;
}

static void report(
    const struct options *options, const struct cpumodel_result *result, const struct cpumodel_error *error,
    const struct sighting *sighting, enum status status)
{
    if (options->json)
        report_json(options->name, result, error, sighting, status);
    else if (result)
        report_applied(result);
    if (sighting && !options->json)
        report_guest(sighting);
    fflush(stdout);
}

static enum status launch(struct cpumodel *daemon, const struct options *options, const struct machine *machine)
{
    struct cpumodel_result *result = NULL;
    struct cpumodel_error error;
    struct guest guest = {0};
    static struct sighting sighting;
    enum status status = apply(daemon, options, machine, &result, &error);
    if (status != APPLIED) {
        report(options, NULL, &error, NULL, status);
        cpumodel_error_clear(&error);
        return status;
    }
    struct cpumodel_agent *agent = options->agent ? start_agent(options, machine, result) : NULL;
    if (options->run)
        status = look(&guest, machine, &sighting);
    report(options, result, NULL, options->run ? &sighting : NULL, status);
    cpumodel_result_free(result);
    if (options->run && options->guest != GUEST_LOOKS && status != NOT_RUN) {
        enum status toggled = toggle_all(&guest, options);
        status = toggled == APPLIED ? status : toggled;
    }
    guest_end(&guest);
    sleep(options->hold_seconds);
    cpumodel_agent_stop(agent);
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
