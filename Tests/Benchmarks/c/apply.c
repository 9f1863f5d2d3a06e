// SPDX-License-Identifier: Apache-2.0
//
// vm.apply to new VMs of this process, and the same tables set and read back by plain ioctls, in turns. The same are those
// that the daemon sets, not those that it reads back: KVM may take longer to complete a table than to take a complete one.
//
// Given the file that the daemon keeps for the VM, and an empty directory, also vm.apply by a daemon that computes nothing:
// floor.h.
//
//   apply SOCKET VCPUS ROUNDS [STATE-FILE DIRECTORY]

#define _GNU_SOURCE
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "floor.h"

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

/// Applies to this VM, and lets go of it as a VMM does that goes on with its life: the daemon must not keep it alive.
/// Returns how long the first took.
static double apply(struct cpumodel *daemon, struct cpumodel_vm *request, const struct machine *machine)
{
    struct cpumodel_result *result;
    struct cpumodel_error error;
    request->vcpu_fds = machine->vcpus;
    double start = now();
    if (cpumodel_apply(daemon, request, &result, &error) < 0)
        refused("apply", &error);
    double took = now() - start;
    if (cpumodel_detach(daemon, request->name, result->request_id, &error) < 0)
        refused("detach", &error);
    cpumodel_result_free(result);
    return took;
}

// ---- Recording ------------------------------------------------------------------------------------------------------

static struct text copy_of(int job)
{
    struct stat status;
    if (fstat(job, &status) < 0)
        fail("a job");
    struct text copy = {malloc((size_t)status.st_size), (size_t)status.st_size};
    if (!copy.bytes || pread(job, copy.bytes, copy.length, 0) != status.st_size)
        fail("a job");
    return copy;
}

/// Executes a job and keeps it, as it came and as it goes back.
static int record_job(
    void *context, int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size)
{
    struct recording *recording = context;
    recording->jobs++;
    recording->job = copy_of(job);
    recording->steps = cpumodel_execute_job(job, vcpu_fds, vcpu_count, reason, reason_size);
    recording->executed = copy_of(job);
    return recording->steps;
}

/// What the daemon does for a new VM.
static struct recording record(struct cpumodel *daemon, int kvm, struct cpumodel_vm request, const char *state_file)
{
    struct recording recording = {.vcpu_count = request.vcpu_count};
    struct machine machine = machine_make(kvm, request.vcpu_count);
    struct cpumodel_result *result;
    struct cpumodel_error error;
    request.vcpu_fds = machine.vcpus;
    request.execute = record_job;
    request.context = &recording;
    if (cpumodel_apply(daemon, &request, &result, &error) < 0)
        refused("apply", &error);
    if (recording.jobs != 1) {
        fprintf(stderr, "it took %u jobs, and one alone can be played back\n", recording.jobs);
        exit(1);
    }
    recording.result = (struct text){strdup(result->json), strlen(result->json)};
    recording.document = contents_of(state_file);
    if (cpumodel_detach(daemon, request.name, result->request_id, &error) < 0)
        refused("detach", &error);
    cpumodel_result_free(result);
    machine_end(&machine);
    return recording;
}

static struct cpumodel *connect_or_fail(const char *path)
{
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (cpumodel_connect(&daemon, path, &error) < 0)
        refused("connect", &error);
    return daemon;
}

/// Starts a daemon that does what was recorded. Returns a connection to it.
static struct cpumodel *start_floor(const struct recording *recording, const char *directory, pid_t *pid)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/floor.sock", directory);
    *pid = floor_start(path, recording, directory);
    struct cpumodel *daemon = connect_or_fail(path);
    unlink(path);
    return daemon;
}

// ---- Comparing ------------------------------------------------------------------------------------------------------

/// Applies to a new VM by the daemon, sets the same tables on another new VM by the bare loop, and applies to a third by
/// the daemon that computes nothing, if there is one, in turns.
static void compare_apply(
    struct cpumodel *daemon, struct cpumodel *floor, int kvm, struct cpumodel_vm request, unsigned rounds)
{
    struct cpumodel_tables *tables;
    struct cpumodel_error error;
    if (cpumodel_compute(daemon, &request, &tables, &error) < 0)
        refused("compute", &error);
    struct samples ours = {0}, theirs = {0}, least = {0};
    for (unsigned i = 0; i < rounds + 3; i++) {
        struct machine served = machine_make(kvm, request.vcpu_count), bare = machine_make(kvm, request.vcpu_count);
        double took = apply(daemon, &request, &served);
        double bare_took = bare_loop(bare.vcpus, tables);
        machine_end(&served);
        machine_end(&bare);
        double floor_took = 0;
        if (floor) {
            struct machine third = machine_make(kvm, request.vcpu_count);
            floor_took = apply(floor, &request, &third);
            machine_end(&third);
        }
        if (i < 3)
            continue;
        add(&ours, took);
        add(&theirs, bare_took);
        add(&least, floor_took);
    }
    printf("{");
    print_samples("ours", &ours);
    printf(",");
    print_samples("theirs", &theirs);
    if (floor) {
        printf(",");
        print_samples("floor", &least);
    }
    printf("}\n");
    cpumodel_tables_free(tables);
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 6)
        return fprintf(stderr, "usage: apply SOCKET VCPUS ROUNDS [STATE-FILE DIRECTORY]\n"), 2;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        fail("/dev/kvm");
    const struct cpumodel_vm request = {
        .name = "bench",
        .model = "host",
        .vcpu_count = (unsigned)strtoul(argv[2], NULL, 10),
        .drop_unavailable = true,
        .accept_altered = true,
    };
    struct cpumodel *daemon = connect_or_fail(argv[1]), *floor = NULL;
    struct recording recording;
    pid_t pid;
    if (argc == 6) {
        recording = record(daemon, kvm, request, argv[4]);
        floor = start_floor(&recording, argv[5], &pid);
    }
    compare_apply(daemon, floor, kvm, request, (unsigned)strtoul(argv[3], NULL, 10));
    cpumodel_close(daemon);
    if (floor) {
        cpumodel_close(floor);
        waitpid(pid, NULL, 0);
    }
    return 0;
}
