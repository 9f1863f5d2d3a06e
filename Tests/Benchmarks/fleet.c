// SPDX-License-Identifier: Apache-2.0
//
// What operators' questions cost on a host with many VMs: real VMs of this process, with real vCPU descriptors that the
// daemon holds, as many as the machine carries.
//
//   fleet SOCKET QUERY-SOCKET [VMS [VCPUS]]        1000 VMs of 2 vCPUs when left out

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cpumodel.h"

enum { ANSWER_MAX = 8 << 20, ROUNDS = 30 };

static void fail(const char *what)
{
    fprintf(stderr, "fleet: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, ascending);
    return values[count / 2];
}

// ---- Asking ---------------------------------------------------------------------------------------------------------

static int query;
static char *answer;

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        fail("socket path too long");
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail(path);
    return fd;
}

/// Sends a line and reads one; returns its length.
static size_t ask(int fd, const char *request)
{
    for (size_t sent = 0, length = strlen(request); sent < length;) {
        ssize_t count = write(fd, request + sent, length - sent);
        if (count < 0)
            fail("write");
        sent += (size_t)count;
    }
    size_t length = 0;
    do {
        ssize_t count = read(fd, answer + length, ANSWER_MAX - 1 - length);
        if (count <= 0)
            fail("read");
        length += (size_t)count;
    } while (answer[length - 1] != '\n');
    answer[length] = 0;
    return length;
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/// Asks again and again, and prints the median of what it took. `what` is counted in the answer.
static void measure(const char *name, const char *request, const char *what)
{
    double took[ROUNDS];
    size_t length = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double start = now();
        length = ask(query, request);
        took[i] = now() - start;
    }
    if (strstr(answer, "\"error\":{")) {
        fprintf(stderr, "fleet: %s: %.*s\n", name, 300, answer);
        exit(1);
    }
    double middle = median(took, ROUNDS);
    printf(
        "%-46s %8.2f ms %8.2f ms   %u VMs, %.0f KiB\n", name, middle, took[ROUNDS - 1], occurrences(answer, what),
        (double)length / 1024);
}

static void measure_list(const char *name, const char *parameters)
{
    char request[512];
    snprintf(
        request, sizeof request, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vm.list\",\"params\":{%s}}\n", parameters);
    measure(name, request, "{\"vm\":");
}

/// All VMs against this host's own document, given as that of another host.
static void measure_check(void)
{
    static const char before[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vm.checkMigration\",\"params\":{\"all\":true,"
                                 "\"hosts\":[{\"name\":\"other\",\"host\":";
    ask(query, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"host.describe\"}\n");
    const char *document = strstr(answer, "\"result\":");
    if (!document)
        fail("host.describe");
    document += strlen("\"result\":");
    // The answer ends with the brace of the response and a line feed.
    size_t length = strlen(document) - 2;
    char *request = malloc(sizeof before + length + 16);
    if (!request)
        fail("memory");
    sprintf(request, "%s%.*s}]}}\n", before, (int)length, document);
    measure("vm.checkMigration, all onto a host document", request, "{\"vm\":");
    free(request);
}

static long resident_kibibytes(void)
{
    struct {
        pid_t pid;
        uid_t uid;
        gid_t gid;
    } peer;
    socklen_t size = sizeof peer;
    char name[64], line[256];
    long kibibytes = -1;
    if (getsockopt(query, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        fail("SO_PEERCRED");
    snprintf(name, sizeof name, "/proc/%d/status", (int)peer.pid);
    FILE *status = fopen(name, "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld kB", &kibibytes) == 1)
            break;
    if (status)
        fclose(status);
    return kibibytes;
}

// ---- Many VMs -------------------------------------------------------------------------------------------------------

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

static void measure_fleet(struct cpumodel *daemon, int kvm, unsigned wanted, unsigned vcpu_count)
{
    long before = resident_kibibytes();
    unsigned count = 0;
    double start = now();
    while (count < wanted && make_vm(daemon, kvm, count, vcpu_count))
        count++;
    double took = now() - start;
    if (count < wanted)
        printf("the machine carries no more than %u VMs: %s\n", count, strerror(errno));
    printf("%u VMs of %u vCPUs made and applied in %.1f s\n\n", count, vcpu_count, took / 1e3);
    printf("%-46s %11s %11s   %s\n", "", "median", "slowest", "in the answer");
    measure_list("vm.list", "");
    measure_list("vm.list, one model", "\"model\":\"Nehalem\"");
    measure_list("vm.list, older versions", "\"olderVersion\":true");
    measure_list("vm.list, inconsistent", "\"inconsistent\":true");
    measure_list("vm.list with lahf-lm", "\"with\":[\"lahf-lm\"]");
    measure_list("vm.list with amx-tile", "\"with\":[\"amx-tile\"]");
    measure_list("vm.list with osxsave, live, deadline 1 ms", "\"with\":[\"osxsave\"],\"deadlineMs\":1");
    measure_check();
    long after = resident_kibibytes();
    printf(
        "%-46s %8.1f KiB   %ld MiB before, %ld MiB with all\n", "the daemon's resident memory a VM",
        (double)(after - before) / count, before / 1024, after / 1024);
}

// ---- What a guest notices -------------------------------------------------------------------------------------------

enum { MEMORY = 0x4000, CODE_AT = 0x1000, COUNTER_AT = 0x2000, WINDOWS = 21, WINDOW_MS = 100 };

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
        fprintf(stderr, "fleet: %s: %s\n", name, error.message);
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

/// How often a second the guest did what it does over a window, while `request` is asked every `every_ms` if there is one.
static double rate(const struct guest *guest, bool counts_exits, const char *request, double every_ms)
{
    volatile uint32_t *counter = (volatile uint32_t *)(guest->memory + COUNTER_AT);
    double start = now(), next = start;
    uint64_t first = counts_exits ? guest->exits : *counter;
    while (now() - start < WINDOW_MS) {
        if (request && now() >= next) {
            ask(query, request);
            next += every_ms;
        }
        struct timespec pause = {.tv_nsec = 500000};
        nanosleep(&pause, NULL);
    }
    double took = now() - start;
    uint64_t last = counts_exits ? guest->exits : *counter;
    // The guest's counter has 32 bits.
    return (double)(counts_exits ? last - first : (uint32_t)(last - first)) / took * 1e3;
}

/// With and without queries in turns: machines are noisy, and the ratio of the medians is the figure to quote.
static void measure_guest(const struct guest *guest, const char *vm, const char *what, bool counts_exits, double every_ms)
{
    char request[256], label[64];
    snprintf(
        request, sizeof request,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vm.caps\",\"params\":{\"vm\":\"%s\",\"deadlineMs\":1}}\n", vm);
    double quiet[WINDOWS], asked[WINDOWS];
    for (unsigned i = 0; i < WINDOWS; i++) {
        quiet[i] = rate(guest, counts_exits, NULL, 0);
        asked[i] = rate(guest, counts_exits, request, every_ms);
    }
    double base = median(quiet, WINDOWS), with = median(asked, WINDOWS);
    snprintf(label, sizeof label, "%s, %.0f queries/s", what, 1e3 / every_ms);
    printf("%-46s %11.0f/s %11.0f/s   %+.2f %%\n", label, base, with, (with / base - 1) * 100);
}

static void measure_guests(struct cpumodel *daemon, int kvm)
{
    // out %al,$0x42; jmp
    static const uint8_t exiting[] = {0xE6, 0x42, 0xEB, 0xFC};
    // incl 0x2000; jmp
    static const uint8_t spinning[] = {0x66, 0xFF, 0x06, 0x00, 0x20, 0xEB, 0xF9};
    static struct guest exits, spins;
    printf("\n%-46s %13s %13s\n", "what a guest notices of vm.caps", "left alone", "asked");
    start_guest(&exits, daemon, kvm, "fleet-exits", exiting, sizeof exiting);
    measure_guest(&exits, "fleet-exits", "exits to the VMM", true, 10);
    measure_guest(&exits, "fleet-exits", "exits to the VMM", true, 100);
    start_guest(&spins, daemon, kvm, "fleet-spins", spinning, sizeof spinning);
    measure_guest(&spins, "fleet-spins", "rounds of a guest that never exits", false, 10);
    measure_guest(&spins, "fleet-spins", "rounds of a guest that never exits", false, 100);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: fleet SOCKET QUERY-SOCKET [VMS [VCPUS]]\n");
        return 2;
    }
    unsigned vms = argc > 3 ? (unsigned)atoi(argv[3]) : 1000, vcpus = argc > 4 ? (unsigned)atoi(argv[4]) : 2;
    if (vcpus < 1 || vcpus > 64) {
        fprintf(stderr, "fleet: 1 to 64 vCPUs\n");
        return 2;
    }
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) {
        printf("many VMs skipped: /dev/kvm cannot be opened\n");
        return 0;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (!(answer = malloc(ANSWER_MAX)))
        fail("memory");
    query = connect_to(argv[2]);
    struct cpumodel *daemon;
    struct cpumodel_error error;
    if (cpumodel_connect(&daemon, argv[1], &error) < 0) {
        fprintf(stderr, "fleet: %s\n", error.message);
        return 1;
    }
    measure_guests(daemon, kvm);
    printf("\n");
    measure_fleet(daemon, kvm, vms, vcpus);
    fflush(stdout);
    // A vCPU thread is in KVM_RUN, from which nothing but the end of the process brings it back.
    _exit(0);
}
