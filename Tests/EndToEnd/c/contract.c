// SPDX-License-Identifier: Apache-2.0
//
// Holds libcpumodel to what its header says, one part after the other; the first that is not so ends it.
//
//     contract SOCKET

#include <cpumodel.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define HOLDS(condition) \
    do { \
        if (!(condition)) \
            errx(1, "line %d: %s", __LINE__, #condition); \
    } while (0)

enum { VCPUS = 3 };

struct machine {
    int device, vm, vcpus[VCPUS];
};

static struct machine make_machine(void)
{
    struct machine machine = {.device = open("/dev/kvm", O_RDWR | O_CLOEXEC)};
    machine.vm = ioctl(machine.device, KVM_CREATE_VM, 0);
    HOLDS(ioctl(machine.vm, KVM_CREATE_IRQCHIP, 0) == 0);
    for (int i = 0; i < VCPUS; i++)
        HOLDS((machine.vcpus[i] = ioctl(machine.vm, KVM_CREATE_VCPU, i)) >= 0);
    return machine;
}

static void end_machine(struct machine *machine)
{
    for (int i = 0; i < VCPUS; i++)
        close(machine->vcpus[i]);
    close(machine->vm);
    close(machine->device);
}

static struct cpumodel_result *apply(struct cpumodel *daemon, struct machine *machine, const char *name)
{
    struct cpumodel_error error;
    struct cpumodel_result *result;
    const struct cpumodel_vm vm = {
        .name = name, .model = "host", .vcpu_fds = machine->vcpus, .vcpu_count = VCPUS, .accept_altered = true,
        .replace = true};
    if (cpumodel_apply(daemon, &vm, &result, &error) < 0)
        errx(1, "%s", error.message);
    return result;
}

/// Whether the daemon knows the VM. What it does not know has an error with data.
static bool is_known(struct cpumodel *daemon, const char *name)
{
    struct cpumodel_error error;
    char params[64];
    snprintf(params, sizeof params, "{\"vm\":\"%s\"}", name);
    int code = cpumodel_call(daemon, "vm.show", params, NULL, &error);
    HOLDS(code == 0 || (code == -32031 && error.data && strstr(error.data, name)));
    if (code < 0)
        cpumodel_error_clear(&error);
    return code == 0;
}

static void detach(struct cpumodel *daemon)
{
    struct cpumodel_error error;
    struct machine machine = make_machine();
    struct cpumodel_result *first = apply(daemon, &machine, "contract"), *second = apply(daemon, &machine, "contract");
    HOLDS(cpumodel_detach(daemon, "contract", first->request_id, &error) == 0);
    HOLDS(is_known(daemon, "contract"));
    HOLDS(cpumodel_detach(daemon, "contract", second->request_id, &error) == 0);
    HOLDS(!is_known(daemon, "contract"));
    HOLDS(cpumodel_detach(daemon, "contract", second->request_id, &error) == 0);
    HOLDS(cpumodel_detach(daemon, "contract", NULL, &error) == -EINVAL && *error.message && !error.data);
    cpumodel_result_free(first);
    cpumodel_result_free(second);
    end_machine(&machine);
}

/// The tables that are computed are those that are applied, and KVM takes them.
static void compute(struct cpumodel *daemon)
{
    struct cpumodel_error error;
    struct cpumodel_tables *tables;
    struct machine machine = make_machine();
    const struct cpumodel_vm vm = {.model = "host", .vcpu_count = VCPUS};
    if (cpumodel_compute(daemon, &vm, &tables, &error) < 0)
        errx(1, "%s", error.message);
    HOLDS(tables->vcpu_count == VCPUS && !strncmp(tables->stamp, "1-", 2) && *tables->model);
    HOLDS(tables->missing_count == 0 && tables->msrs && strstr(tables->json, tables->stamp));
    for (unsigned i = 0; i < VCPUS; i++) {
        HOLDS(tables->vcpus[i].apic_id == i && tables->vcpus[i].cpuid->nent > 5);
        HOLDS(tables->vcpus[i].cpuid->entries[1].function == 1);
        HOLDS(tables->vcpus[i].cpuid->entries[1].ebx >> 24 == i);
        HOLDS(ioctl(machine.vcpus[i], KVM_SET_CPUID2, tables->vcpus[i].cpuid) == 0);
    }
    cpumodel_tables_free(tables);
    end_machine(&machine);
    HOLDS(cpumodel_compute(daemon, &(struct cpumodel_vm){.vcpu_count = 1}, &tables, &error) == -EINVAL && !tables);
    HOLDS(cpumodel_compute(daemon, &(struct cpumodel_vm){.model = "no", .vcpu_count = 1}, &tables, &error) == -32001);
    HOLDS(!strcmp(error.kind, "unknownModel") && error.data && *error.message);
    cpumodel_error_clear(&error);
}

/// Parameters that the structure has no member for.
static void further_parameters(struct cpumodel *daemon)
{
    struct cpumodel_error error;
    struct cpumodel_tables *tables;
    struct cpumodel_vm vm = {.model = "host", .vcpu_count = 1, .parameters = " {\"kvm\": false,\n\"tscKHz\": 2000000} "};
    if (cpumodel_compute(daemon, &vm, &tables, &error) < 0)
        errx(1, "%s", error.message);
    for (unsigned i = 0; i < tables->vcpus[0].cpuid->nent; i++)
        HOLDS(tables->vcpus[0].cpuid->entries[i].function != 0x40000001);
    cpumodel_tables_free(tables);
    vm.parameters = "{}";
    HOLDS(cpumodel_compute(daemon, &vm, &tables, &error) == 0);
    cpumodel_tables_free(tables);
    vm.parameters = "{\"model\":\"max\"}";
    HOLDS(cpumodel_compute(daemon, &vm, &tables, &error) < 0 && !tables);
    cpumodel_error_clear(&error);
    vm.parameters = "[1]";
    HOLDS(cpumodel_compute(daemon, &vm, &tables, &error) == -EINVAL);
}

/// A table of the VMM's own, laid under the model, as cpumodel_apply() takes it.
static void compute_over_base(struct cpumodel *daemon)
{
    struct cpumodel_error error;
    struct cpumodel_tables *plain, *over;
    const struct cpumodel_vm vm = {.model = "host", .vcpu_count = VCPUS};
    HOLDS(cpumodel_compute(daemon, &vm, &plain, &error) == 0);
    const struct kvm_cpuid2 *base[VCPUS];
    for (int i = 0; i < VCPUS; i++)
        base[i] = plain->vcpus[i].cpuid;
    const struct cpumodel_vm with_base = {.model = "host", .vcpu_count = VCPUS, .base = base};
    if (cpumodel_compute(daemon, &with_base, &over, &error) < 0)
        errx(1, "%s", error.message);
    HOLDS(!strcmp(over->stamp, plain->stamp) && over->vcpus[2].apic_id == 2);
    cpumodel_tables_free(plain);
    cpumodel_tables_free(over);
}

/// What an executor gets that uses the connection that waits for it.
static int nested(void *context, int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size)
{
    struct cpumodel_error error;
    HOLDS(cpumodel_call(context, "daemon.status", NULL, NULL, &error) == -EDEADLK);
    HOLDS(!strcmp(error.kind, "invalidArgument") && *error.message);
    return cpumodel_execute_job(job, vcpu_fds, vcpu_count, reason, reason_size);
}

static void executor_that_calls(struct cpumodel *daemon)
{
    struct cpumodel_error error;
    struct cpumodel_result *result;
    struct machine machine = make_machine();
    const struct cpumodel_vm vm = {
        .name = "nested", .model = "host", .vcpu_fds = machine.vcpus, .vcpu_count = VCPUS, .accept_altered = true,
        .execute = nested, .context = daemon};
    HOLDS(cpumodel_apply(daemon, &vm, &result, &error) == 0);
    HOLDS(cpumodel_detach(daemon, "nested", result->request_id, &error) == 0);
    cpumodel_result_free(result);
    end_machine(&machine);
}

static void *cancel(void *daemon)
{
    cpumodel_cancel(daemon);
    return NULL;
}

/// An executor, in whose time another thread cancels.
static int cancelled(void *context, int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size)
{
    pthread_t thread;
    HOLDS(pthread_create(&thread, NULL, cancel, context) == 0 && pthread_join(thread, NULL) == 0);
    return cpumodel_execute_job(job, vcpu_fds, vcpu_count, reason, reason_size);
}

static void cancel_a_call(const char *path)
{
    struct cpumodel *daemon;
    struct cpumodel_error error;
    struct cpumodel_result *result;
    struct machine machine = make_machine();
    HOLDS(cpumodel_connect(&daemon, path, &error) == 0);
    const struct cpumodel_vm vm = {
        .name = "cancelled", .model = "host", .vcpu_fds = machine.vcpus, .vcpu_count = VCPUS, .accept_altered = true,
        .execute = cancelled, .context = daemon};
    HOLDS(cpumodel_apply(daemon, &vm, &result, &error) == -ECONNRESET && !strcmp(error.kind, "connection"));
    HOLDS(cpumodel_socket(daemon) == -1);
    HOLDS(cpumodel_call(daemon, "daemon.status", NULL, NULL, &error) == -ENOTCONN);
    cpumodel_cancel(daemon);
    cpumodel_close(daemon);
    end_machine(&machine);
}

int main(int argc, char **argv)
{
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (argc != 2)
        errx(2, "usage: contract SOCKET");
    HOLDS(cpumodel_connect(&daemon, "/nonexistent/cpumodeld.sock", &error) == -ENOENT && !daemon);
    HOLDS(strstr(error.message, "/nonexistent/cpumodeld.sock") && !strcmp(error.kind, "connection"));
    if (cpumodel_connect(&daemon, argv[1], &error) < 0)
        errx(1, "%s", error.message);
    detach(daemon);
    compute(daemon);
    compute_over_base(daemon);
    further_parameters(daemon);
    executor_that_calls(daemon);
    cancel_a_call(argv[1]);
    HOLDS(cpumodel_call(daemon, "daemon.status", "[1]", NULL, &error) == -EINVAL);
    HOLDS(cpumodel_call(daemon, "no.such", NULL, NULL, NULL) == -32601);
    cpumodel_close(daemon);
    cpumodel_close(NULL);
    cpumodel_result_free(NULL);
    cpumodel_tables_free(NULL);
    puts("ok");
    return 0;
}
