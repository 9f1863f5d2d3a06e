// SPDX-License-Identifier: Apache-2.0
//
// Many threads with libcpumodel: some have a connection each and give VMs of their own a model, some share one and ask for
// different things on it. Each checks that what it gets is its own.
//
//     threads SOCKET VM-THREADS SHARING-THREADS ROUNDS

#include <cpumodel.h>

#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *path;
static int rounds;
static struct cpumodel *shared;

struct vm {
    int device, fd, vcpu;
};

static struct vm make_vm(void)
{
    struct vm vm = {.device = open("/dev/kvm", O_RDWR | O_CLOEXEC)};
    vm.fd = ioctl(vm.device, KVM_CREATE_VM, 0);
    vm.vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
    if (vm.vcpu < 0)
        err(1, "no vCPU");
    return vm;
}

static void end_vm(struct vm vm)
{
    close(vm.vcpu);
    close(vm.fd);
    close(vm.device);
}

static void *apply(void *number)
{
    struct cpumodel *daemon;
    struct cpumodel_error error;
    char name[32];
    snprintf(name, sizeof name, "thread-%zu", (size_t)number);
    if (cpumodel_connect(&daemon, path, &error) < 0)
        errx(1, "%s", error.message);
    for (int i = 0; i < rounds; i++) {
        struct vm machine = make_vm();
        struct cpumodel_result *result;
        const struct cpumodel_vm vm = {
            .name = name, .model = "host", .vcpu_fds = &machine.vcpu, .vcpu_count = 1, .accept_altered = true,
            .replace = true};
        if (cpumodel_apply(daemon, &vm, &result, &error) < 0)
            errx(1, "%s: %s %s", name, error.message, error.data ? error.data : "");
        if (strcmp(result->vm, name) || result->vcpu_count != 1 || !*result->stamp)
            errx(1, "%s got a result of another: %s", name, result->json);
        cpumodel_result_free(result);
        end_vm(machine);
    }
    cpumodel_close(daemon);
    return NULL;
}

/// Each thread asks for a model that is not there: the error that comes back must name it.
static void *ask(void *number)
{
    struct cpumodel_error error;
    char params[64], name[32];
    snprintf(name, sizeof name, "\"no-such-%zu\"", (size_t)number);
    snprintf(params, sizeof params, "{\"model\":%s}", name);
    for (int i = 0; i < rounds * 4; i++) {
        char *result;
        if (cpumodel_call(shared, "model.show", params, &result, &error) != -32001)
            errx(1, "no error for %s", name);
        if (!error.data || !strstr(error.data, name) || strcmp(error.kind, "unknownModel"))
            errx(1, "%s got the error of another: %s %s", name, error.message, error.data);
        cpumodel_error_clear(&error);
        if (cpumodel_call(shared, "daemon.status", NULL, &result, &error) < 0)
            errx(1, "%s", error.message);
        free(result);
        cpumodel_set_timeout(shared, 60000 + i);
        if (cpumodel_socket(shared) < 0)
            errx(1, "the shared connection ended");
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        errx(2, "usage: threads SOCKET VM-THREADS SHARING-THREADS ROUNDS");
    path = argv[1];
    size_t owners = (size_t)atoi(argv[2]), sharers = (size_t)atoi(argv[3]);
    rounds = atoi(argv[4]);
    struct cpumodel_error error;
    if (cpumodel_connect(&shared, path, &error) < 0)
        errx(1, "%s", error.message);
    cpumodel_set_timeout(shared, 60000);
    pthread_t threads[owners + sharers];
    for (size_t i = 0; i < owners + sharers; i++)
        if (pthread_create(&threads[i], NULL, i < owners ? apply : ask, (void *)i))
            errx(1, "no thread");
    for (size_t i = 0; i < owners + sharers; i++)
        pthread_join(threads[i], NULL);
    cpumodel_close(shared);
    puts("ok");
    return 0;
}
