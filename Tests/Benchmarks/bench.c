// SPDX-License-Identifier: Apache-2.0
//
// How long the daemon takes, each figure beside a reference measured in the same run: what the same bytes or ioctls take
// in bare C. Machines are noisy; the ratio of medians is the figure to quote.
//
//   bench SOCKET QUERY-SOCKET [JSON-FILE]

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cpumodel.h"

enum { ANSWER_MAX = 1 << 20, ENTRIES = 256 };

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

// ---- Samples --------------------------------------------------------------------------------------------------------

struct samples {
    unsigned count;
    double *microseconds;
};

static struct samples samples_make(unsigned count)
{
    struct samples samples = {0, malloc(count * sizeof(double))};
    if (!samples.microseconds)
        fail("memory");
    return samples;
}

static void add(struct samples *samples, double microseconds)
{
    samples->microseconds[samples->count++] = microseconds;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double quantile(const struct samples *samples, double part)
{
    unsigned at = (unsigned)(part * samples->count);
    return samples->microseconds[at < samples->count ? at : samples->count - 1];
}

static FILE *json;
static bool first_figure = true;

/// One line of the report; without a reference `theirs` is NULL.
static void report(const char *name, struct samples *ours, const char *reference, struct samples *theirs)
{
    qsort(ours->microseconds, ours->count, sizeof(double), ascending);
    double median = quantile(ours, 0.5), p99 = quantile(ours, 0.99);
    printf("%-34s %10.1f us %10.1f us", name, median, p99);
    if (json)
        fprintf(
            json, "%s\n  {\"name\":\"%s\",\"medianMicroseconds\":%.2f,\"p99Microseconds\":%.2f,\"samples\":%u",
            first_figure ? "" : ",", name, median, p99, ours->count);
    first_figure = false;
    if (theirs) {
        qsort(theirs->microseconds, theirs->count, sizeof(double), ascending);
        double base = quantile(theirs, 0.5);
        printf("   %6.2f x %s (%.1f us)", median / base, reference, base);
        if (json)
            fprintf(
                json, ",\"reference\":\"%s\",\"referenceMicroseconds\":%.2f,\"ratio\":%.3f", reference, base,
                median / base);
    }
    printf("\n");
    if (json)
        fprintf(json, "}");
}

// ---- Round trips ----------------------------------------------------------------------------------------------------

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        fail("socket path too long");
    strcpy(address.sun_path, path);
    int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0 || connect(socket_fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail(path);
    return socket_fd;
}

static void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0)
            fail("write");
        bytes += count;
        length -= (size_t)count;
    }
}

static size_t read_line(int fd, char *line)
{
    size_t length = 0;
    do {
        ssize_t count = read(fd, line + length, ANSWER_MAX - length);
        if (count <= 0)
            fail("read");
        length += (size_t)count;
    } while (line[length - 1] != '\n');
    return length;
}

/// A server that reads a line and writes the answer it was given, and nothing else: the limit of what a daemon can do.
static pid_t start_echo(const char *path, const char *answer, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0)
        fail("echo server");
    pid_t child = fork();
    if (child != 0) {
        close(listener);
        return child;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    static char buffer[1 << 16];
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                event = (struct epoll_event){.events = EPOLLIN, .data.fd = client};
                epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            ssize_t count = recv(fd, buffer, sizeof buffer, 0);
            if (count <= 0) {
                close(fd);
                continue;
            }
            for (ssize_t k = 0; k < count; k++)
                if (buffer[k] == '\n')
                    send(fd, answer, length, MSG_NOSIGNAL);
        }
    }
}

/// Asks the daemon and an echo server of the same answer in turns.
static void compare_round_trip(const char *name, const char *path, const char *request, unsigned rounds)
{
    static char answer[ANSWER_MAX], echoed[ANSWER_MAX];
    char echo_path[64];
    snprintf(echo_path, sizeof echo_path, "/tmp/cpumodel-bench-%d.sock", (int)getpid());
    int daemon = connect_to(path);
    write_all(daemon, request, strlen(request));
    size_t length = read_line(daemon, answer);
    if (strstr(answer, "\"error\":{")) {
        printf("%-34s skipped: %.*s", name, (int)length, answer);
        close(daemon);
        return;
    }
    pid_t server = start_echo(echo_path, answer, length);
    int echo = connect_to(echo_path);
    struct samples ours = samples_make(rounds), theirs = samples_make(rounds);
    for (unsigned i = 0; i < rounds + rounds / 10; i++) {
        double start = now();
        write_all(daemon, request, strlen(request));
        read_line(daemon, answer);
        double middle = now();
        write_all(echo, request, strlen(request));
        read_line(echo, echoed);
        double end = now();
        if (i < rounds / 10)
            continue;
        add(&ours, middle - start);
        add(&theirs, end - middle);
    }
    report(name, &ours, "C epoll echo", &theirs);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(echo_path);
    close(daemon);
    close(echo);
}

// ---- Applying -------------------------------------------------------------------------------------------------------

struct table {
    struct kvm_cpuid2 header;
    struct kvm_cpuid_entry2 entries[ENTRIES];
};

/// Sets and reads back the tables that the vCPUs have already, as plain ioctls.
static double bare_loop(const int *vcpus, struct table *tables, unsigned count)
{
    static struct table scratch;
    double start = now();
    for (unsigned i = 0; i < count; i++)
        if (ioctl(vcpus[i], KVM_SET_CPUID2, &tables[i]) < 0)
            fail("KVM_SET_CPUID2");
    for (unsigned i = 0; i < count; i++) {
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

static void get_tables(const struct machine *machine, struct table *tables)
{
    for (unsigned i = 0; i < machine->count; i++) {
        tables[i].header.nent = ENTRIES;
        if (ioctl(machine->vcpus[i], KVM_GET_CPUID2, &tables[i]) < 0)
            fail("KVM_GET_CPUID2");
    }
}

/// Applies to a new VM by the daemon, and sets the same tables on another new VM by the bare loop, in turns.
static void compare_apply(struct cpumodel *daemon, int kvm, unsigned count, unsigned rounds)
{
    struct table *tables = calloc(count, sizeof *tables);
    if (!tables)
        fail("memory");
    struct samples ours = samples_make(rounds), theirs = samples_make(rounds);
    for (unsigned i = 0; i < rounds + 3; i++) {
        struct machine served = machine_make(kvm, count), bare = machine_make(kvm, count);
        struct cpumodel_vm request = {
            .name = "bench",
            .model = "host",
            .vcpu_fds = served.vcpus,
            .vcpu_count = count,
            .drop_unavailable = true,
            .accept_altered = true,
            .replace = true,
        };
        struct cpumodel_result *result;
        struct cpumodel_error error;
        double start = now();
        if (cpumodel_apply(daemon, &request, &result, &error) < 0) {
            fprintf(stderr, "bench: vm.apply: %s\n", error.message);
            exit(1);
        }
        double took = now() - start;
        cpumodel_result_free(result);
        get_tables(&served, tables);
        double bare_took = bare_loop(bare.vcpus, tables, count);
        machine_end(&served);
        machine_end(&bare);
        if (i < 3)
            continue;
        add(&ours, took);
        add(&theirs, bare_took);
    }
    char name[64];
    snprintf(name, sizeof name, "vm.apply, %u vCPU%s", count, count == 1 ? "" : "s");
    report(name, &ours, "bare SET+GET loop", &theirs);
    free(tables);
}

static void report_memory(const char *path)
{
    int socket_fd = connect_to(path);
    struct {
        pid_t pid;
        uid_t uid;
        gid_t gid;
    } peer;
    socklen_t size = sizeof peer;
    char name[64], line[256];
    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        fail("SO_PEERCRED");
    snprintf(name, sizeof name, "/proc/%d/status", (int)peer.pid);
    FILE *status = fopen(name, "r");
    while (status && fgets(line, sizeof line, status)) {
        long kibibytes;
        if (sscanf(line, "VmRSS: %ld kB", &kibibytes) != 1)
            continue;
        printf("%-34s %10.1f MiB\n", "daemon's resident memory", (double)kibibytes / 1024);
        if (json)
            fprintf(json, ",\n  {\"name\":\"resident memory\",\"mebibytes\":%.1f}", (double)kibibytes / 1024);
    }
    if (status)
        fclose(status);
    close(socket_fd);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench SOCKET QUERY-SOCKET [JSON-FILE]\n");
        return 2;
    }
    json = argc > 3 ? fopen(argv[3], "w") : NULL;
    if (json)
        fprintf(json, "{\"figures\":[");
    printf("%-34s %13s %13s   %s\n", "", "median", "p99", "against");
    compare_round_trip("daemon.status", argv[2], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"daemon.status\"}\n", 20000);
    compare_round_trip(
        "model.expand Icelake-Server", argv[2],
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"model.expand\",\"params\":{\"model\":\"Icelake-Server-v6\"}}\n", 5000);
    compare_round_trip("model.list", argv[2], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"model.list\"}\n", 2000);
    compare_round_trip(
        "table.compute, 4 vCPUs", argv[2],
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"table.compute\",\"params\":{\"model\":\"Icelake-Server-v6\","
        "\"unavailable\":\"drop\",\"topology\":{\"cores\":4}}}\n",
        2000);
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) {
        printf("vm.apply skipped: /dev/kvm cannot be opened\n");
    } else {
        struct cpumodel *daemon;
        struct cpumodel_error error;
        if (cpumodel_connect(&daemon, argv[1], &error) < 0) {
            fprintf(stderr, "bench: %s\n", error.message);
            return 1;
        }
        compare_apply(daemon, kvm, 1, 1000);
        compare_apply(daemon, kvm, 64, 200);
        compare_apply(daemon, kvm, 256, 50);
        cpumodel_close(daemon);
    }
    report_memory(argv[2]);
    if (json) {
        fprintf(json, "\n]}\n");
        fclose(json);
    }
    return 0;
}
