// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "overlay.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpumodel.h"
#include "json.h"
#include "machines.h"
#include "msrs.h"
#include "settings.h"

/// JSON-RPC's and the daemon's own errors are at and below this; above are errnos of this side.
enum { DAEMON_ERRORS = -32000 };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *verb, const struct cpumodel_error *error)
{
    // One write, so that lines of several threads do not mix.
    char line[700];
    int length = snprintf(
        line, sizeof line, "cpumodel-exec: %s: %s (%s)\n", verb, error->message, error->kind);
    if (length > 0)
        (void)!write(STDERR_FILENO, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

/// The name of a VM: as it was asked for, or of the program and process; and a number behind it from the second on.
static void write_name(char *name, size_t size, const struct machine *machine)
{
    int length = settings()->vm ? snprintf(name, size, "%s", settings()->vm)
                                : snprintf(name, size, "%.40s-%d", program_invocation_short_name, (int)getpid());
    if (machine->ordinal && length > 0 && (size_t)length < size)
        snprintf(name + length, size - (size_t)length, "-%u", machine->ordinal + 1);
}

/// Runs a job as any launcher does, and remembers the MSRs that it writes.
static int execute(
    void *context, int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size)
{
    struct machine *machine = context;
    if (!msrs_of_job(job, machine)) {
        snprintf(reason, reason_size, "the job writes more MSRs than can be kept");
        return -1;
    }
    return cpumodel_execute_job(job, vcpu_fds, vcpu_count, reason, reason_size);
}

/// What KVM said, where it was KVM that refused.
static int errno_of(const struct cpumodel_error *error)
{
    struct json data;
    int64_t value;
    if (error->data && cpumodel_json_read(error->data, strlen(error->data), &data)
        && cpumodel_json_integer(cpumodel_json_member(data, "errno"), &value) && value > 0 && value < 4096)
        return (int)value;
    return EINVAL;
}

static int ask(int vcpu, const struct kvm_cpuid2 *table, struct machine *machine, struct cpumodel_error *error)
{
    char name[128];
    write_name(name, sizeof name, machine);
    const struct cpumodel_vm vm = {
        .name = name,
        .model = settings()->model,
        .vcpu_fds = &vcpu,
        .vcpu_count = 1,
        .drop_unavailable = settings()->drop_unavailable,
        .accept_altered = settings()->accept_altered,
        // The first vCPU of a VM takes the place of an earlier VM of this process, which is gone.
        .replace = !machine->is_registered && machine->takes_over,
        .join = machine->is_registered,
        .execute = execute,
        .context = machine,
        .base = &table,
        .keep = settings()->keep,
    };
    // A connection for each call: nothing stays open that a child could inherit, or a fork could share.
    struct cpumodel *daemon;
    struct cpumodel_result *result;
    int code = cpumodel_connect(&daemon, NULL, error);
    if (code < 0)
        return code;
    code = cpumodel_apply(daemon, &vm, &result, error);
    if (code == 0)
        cpumodel_result_free(result);
    cpumodel_close(daemon);
    return code;
}

/// Asks for one vCPU after the other: the first registers the VM, and the others join it.
static int ask_in_turn(int vcpu, const struct kvm_cpuid2 *table, struct cpumodel_error *error)
{
    struct machine machine;
    pthread_mutex_lock(&turn);
    int code = -ENOMEM;
    if (machines_of(vcpu, &machine)) {
        code = ask(vcpu, table, &machine, error);
        machine.is_registered |= code == 0;
        if (code == 0)
            machines_update(vcpu, &machine);
    } else {
        *error = (struct cpumodel_error){
            .code = code, .kind = "noMemory", .message = "there is not enough memory, or there are too many VMs"};
    }
    pthread_mutex_unlock(&turn);
    return code;
}

enum outcome overlay_apply(int vcpu, const struct kvm_cpuid2 *table, int *code)
{
    struct cpumodel_error error;
    int status = ask_in_turn(vcpu, table, &error);
    if (status == 0)
        return OVERLAY_APPLIED;
    bool away = status > DAEMON_ERRORS && status != -EINVAL && status != -ENOMEM;
    enum outcome outcome = away && settings()->pass_without_daemon ? OVERLAY_PASSED : OVERLAY_REFUSED;
    say(outcome == OVERLAY_PASSED ? "warning: a vCPU keeps the VMM's own table" : "a vCPU gets no table", &error);
    *code = away ? EIO : errno_of(&error);
    cpumodel_error_clear(&error);
    return outcome;
}

/// In a child another thread may have had its turn, and nobody will ever give it back.
static void after_fork(void)
{
    static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
    turn = unlocked;
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}
