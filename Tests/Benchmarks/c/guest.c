// SPDX-License-Identifier: Apache-2.0
//
// What a running guest notices of queries: how often a second one exits to its VMM, and how often another, which never
// exits, goes round its loop.
//
//   guest SOCKET QUERY-SOCKET

#define _GNU_SOURCE
#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "cpumodel.h"
#include "lines.h"

static int query;
static char *answer;

enum { MEMORY = 0x4000, CODE_AT = 0x1000, COUNTER_AT = 0x2000, WINDOWS = 21, WINDOW = 100000 };

struct guest {
    int vcpu;
    uint8_t *memory;
    volatile uint64_t exits;
};

static void *run(void *argument)
{
    struct guest *guest = argument;
    for (;;) {
        ioctl(guest->vcpu, KVM_RUN, 0);
        guest->exits++;
    }
    return NULL;
}

/// A guest in real mode that runs the code for as long as this process lives.
static void start_guest(
    struct guest *guest, struct cpumodel *daemon, int kvm, const char *name, const uint8_t *code, size_t size)
{
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    guest->vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
    guest->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (guest->vcpu < 0 || guest->memory == MAP_FAILED)
        fail("making a guest");
    memcpy(guest->memory + CODE_AT, code, size);
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = 0, .memory_size = MEMORY, .userspace_addr = (uintptr_t)guest->memory};
    struct cpumodel_vm request = {
        .name = name,
        .model = "host",
        .vcpu_fds = &guest->vcpu,
        .vcpu_count = 1,
        .drop_unavailable = true,
        .accept_altered = true,
    };
    struct cpumodel_result *result;
    struct cpumodel_error error;
    if (cpumodel_apply(daemon, &request, &result, &error) < 0) {
        fprintf(stderr, "guest: %s: %s\n", name, error.message);
        exit(1);
    }
    cpumodel_result_free(result);
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = CODE_AT, .rflags = 2};
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 || ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
        fail("a guest's memory");
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    sregs.ds.base = 0;
    sregs.ds.selector = 0;
    if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
        fail("a guest's registers");
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, guest) != 0)
        fail("a guest's thread");
}

/// How often a second the guest did what it does over a window, while `request` is asked every `every_us` if there is one.
static double rate(const struct guest *guest, bool counts_exits, const char *request, double every_us)
{
    volatile uint32_t *counter = (volatile uint32_t *)(guest->memory + COUNTER_AT);
    double start = now(), next = start;
    uint64_t first = counts_exits ? guest->exits : *counter;
    while (now() - start < WINDOW) {
        if (request && now() >= next) {
            write_all(query, request, strlen(request));
            read_line(query, answer);
            next += every_us;
        }
        struct timespec pause = {.tv_nsec = 500000};
        nanosleep(&pause, NULL);
    }
    double took = now() - start;
    uint64_t last = counts_exits ? guest->exits : *counter;
    // The guest's counter has 32 bits.
    return (double)(counts_exits ? last - first : (uint32_t)(last - first)) / took * 1e6;
}

/// With and without queries in turns, for machines are noisy.
static void measure_guest(const struct guest *guest, const char *vm, bool counts_exits, double every_us)
{
    char request[256];
    snprintf(
        request, sizeof request,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vm.caps\",\"params\":{\"vm\":\"%s\",\"deadlineMs\":1}}\n", vm);
    struct samples quiet = {0}, asked = {0};
    for (unsigned i = 0; i < WINDOWS; i++) {
        add(&quiet, rate(guest, counts_exits, NULL, 0));
        add(&asked, rate(guest, counts_exits, request, every_us));
    }
    qsort(quiet.microseconds, quiet.count, sizeof(double), ascending);
    qsort(asked.microseconds, asked.count, sizeof(double), ascending);
    printf(
        "{\"guest\":\"%s\",\"queriesPerSecond\":%.0f,\"alone\":%.0f,\"asked\":%.0f}", vm, 1e6 / every_us,
        quantile(&quiet, 0.5), quantile(&asked, 0.5));
}

int main(int argc, char **argv)
{
    // out %al,$0x42; jmp
    static const uint8_t exiting[] = {0xE6, 0x42, 0xEB, 0xFC};
    // incl 0x2000; jmp
    static const uint8_t spinning[] = {0x66, 0xFF, 0x06, 0x00, 0x20, 0xEB, 0xF9};
    static struct guest exits, spins;
    if (argc != 3)
        return fprintf(stderr, "usage: guest SOCKET QUERY-SOCKET\n"), 2;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        fail("/dev/kvm");
    answer = line_buffer();
    query = connect_to(argv[2]);
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (cpumodel_connect(&daemon, argv[1], &error) < 0) {
        fprintf(stderr, "guest: %s\n", error.message);
        return 1;
    }
    printf("[");
    start_guest(&exits, daemon, kvm, "exiting", exiting, sizeof exiting);
    measure_guest(&exits, "exiting", true, 10e3);
    start_guest(&spins, daemon, kvm, "spinning", spinning, sizeof spinning);
    printf(",");
    measure_guest(&spins, "spinning", false, 10e3);
    printf("]\n");
    fflush(stdout);
    // A vCPU thread is in KVM_RUN, from which nothing but the end of the process brings it back.
    _exit(0);
}
