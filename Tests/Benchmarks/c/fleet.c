// SPDX-License-Identifier: Apache-2.0
//
// Real VMs of this process, with real vCPU descriptors that the daemon holds, as many as the machine carries. They live
// until standard input ends.
//
//   fleet SOCKET VMS VCPUS

#define _GNU_SOURCE
#include <linux/kvm.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "cpumodel.h"
#include "lines.h"

/// Models in turn, so that the VMs are not all the same CPU.
static const char *const models[] = {"host", "Nehalem-v1", "Skylake-Server-v1", "EPYC-Rome-v1", "x86-64-v3"};

/// Makes one VM and gives it its CPU; false when the machine carries no more.
static bool make_vm(struct cpumodel *daemon, int kvm, unsigned number, unsigned vcpu_count)
{
    int vcpus[64], vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0)
        return false;
    for (unsigned i = 0; i < vcpu_count; i++)
        if ((vcpus[i] = ioctl(vm, KVM_CREATE_VCPU, i)) < 0)
            return false;
    char name[32];
    snprintf(name, sizeof name, "fleet-%04u", number);
    struct cpumodel_vm request = {
        .name = name,
        .model = models[number % (sizeof models / sizeof *models)],
        .vcpu_fds = vcpus,
        .vcpu_count = vcpu_count,
        .drop_unavailable = true,
        .accept_altered = true,
    };
    struct cpumodel_result *result;
    struct cpumodel_error error;
    if (cpumodel_apply(daemon, &request, &result, &error) < 0) {
        fprintf(stderr, "fleet: VM %u: %s\n", number, error.message);
        exit(1);
    }
    cpumodel_result_free(result);
    return true;
}

int main(int argc, char **argv)
{
    unsigned wanted = argc == 4 ? (unsigned)atoi(argv[2]) : 0, vcpus = argc == 4 ? (unsigned)atoi(argv[3]) : 0, count = 0;
    if (wanted < 1 || vcpus < 1 || vcpus > 64)
        return fprintf(stderr, "usage: fleet SOCKET VMS VCPUS, 1 to 64 vCPUs\n"), 2;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        fail("/dev/kvm");
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (cpumodel_connect(&daemon, argv[1], &error) < 0) {
        fprintf(stderr, "fleet: %s\n", error.message);
        return 1;
    }
    double start = now();
    while (count < wanted && make_vm(daemon, kvm, count, vcpus))
        count++;
    printf("{\"vms\":%u,\"seconds\":%.2f}\n", count, (now() - start) / 1e6);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
