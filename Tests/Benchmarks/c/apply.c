// SPDX-License-Identifier: Apache-2.0
//
// vm.apply to new VMs of this process, and the same tables set and read back by plain ioctls, in turns. The same are those
// that the daemon sets, not those that it reads back: KVM may take longer to complete a table than to take a complete one.
//
//   apply SOCKET VCPUS ROUNDS

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cpumodel.h"
#include "samples.h"

enum { ENTRIES = 256 };

struct table {
    struct kvm_cpuid2 header;
    struct kvm_cpuid_entry2 entries[ENTRIES];
};

/// Sets and reads back these tables, as plain ioctls.
static double bare_loop(const int *vcpus, const struct cpumodel_tables *tables)
{
    static struct table scratch;
    double start = now();
    for (size_t i = 0; i < tables->vcpu_count; i++)
        if (ioctl(vcpus[i], KVM_SET_CPUID2, tables->vcpus[i].cpuid) < 0)
            fail("KVM_SET_CPUID2");
    for (size_t i = 0; i < tables->vcpu_count; i++) {
        scratch.header.nent = ENTRIES;
        if (ioctl(vcpus[i], KVM_GET_CPUID2, &scratch) < 0)
            fail("KVM_GET_CPUID2");
    }
    return now() - start;
}

struct machine {
    int vm;
    unsigned count;
    int *vcpus;
};

/// A VM whose vCPUs have no table yet, as a launcher has it when it asks.
static struct machine machine_make(int kvm, unsigned count)
{
    struct machine machine = {ioctl(kvm, KVM_CREATE_VM, 0), count, calloc(count, sizeof(int))};
    if (machine.vm < 0 || !machine.vcpus)
        fail("making a VM");
    for (unsigned i = 0; i < count; i++)
        if ((machine.vcpus[i] = ioctl(machine.vm, KVM_CREATE_VCPU, i)) < 0)
            fail("KVM_CREATE_VCPU");
    return machine;
}

static void machine_end(struct machine *machine)
{
    for (unsigned i = 0; i < machine->count; i++)
        close(machine->vcpus[i]);
    close(machine->vm);
    free(machine->vcpus);
}

static void refused(const char *what, const struct cpumodel_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->message);
    exit(1);
}

/// Applies to a new VM by the daemon, and sets the same tables on another new VM by the bare loop, in turns.
static void compare_apply(struct cpumodel *daemon, int kvm, unsigned count, unsigned rounds)
{
    struct cpumodel_vm request = {
        .name = "bench",
        .model = "host",
        .vcpu_count = count,
        .drop_unavailable = true,
        .accept_altered = true,
    };
    struct cpumodel_tables *tables;
    struct cpumodel_error error;
    if (cpumodel_compute(daemon, &request, &tables, &error) < 0)
        refused("compute", &error);
    struct samples ours = {0}, theirs = {0};
    for (unsigned i = 0; i < rounds + 3; i++) {
        struct machine served = machine_make(kvm, count), bare = machine_make(kvm, count);
        request.vcpu_fds = served.vcpus;
        struct cpumodel_result *result;
        double start = now();
        if (cpumodel_apply(daemon, &request, &result, &error) < 0)
            refused("apply", &error);
        double took = now() - start;
        // As a VMM does that goes on with its life: the daemon must not keep the VM alive.
        if (cpumodel_detach(daemon, request.name, result->request_id, &error) < 0)
            refused("detach", &error);
        cpumodel_result_free(result);
        double bare_took = bare_loop(bare.vcpus, tables);
        machine_end(&served);
        machine_end(&bare);
        if (i < 3)
            continue;
        add(&ours, took);
        add(&theirs, bare_took);
    }
    printf("{");
    print_samples("ours", &ours);
    printf(",");
    print_samples("theirs", &theirs);
    printf("}\n");
    cpumodel_tables_free(tables);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return fprintf(stderr, "usage: apply SOCKET VCPUS ROUNDS\n"), 2;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        fail("/dev/kvm");
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (cpumodel_connect(&daemon, argv[1], &error) < 0) {
        fprintf(stderr, "apply: %s\n", error.message);
        return 1;
    }
    compare_apply(daemon, kvm, (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10));
    cpumodel_close(daemon);
    return 0;
}
