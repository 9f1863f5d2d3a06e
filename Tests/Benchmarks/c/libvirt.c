// SPDX-License-Identifier: Apache-2.0
//
// Asks libvirt through its own client library, which need not be there when this is built.
//
//   libvirt capabilities URI
//   libvirt first SOCKET URI CPU-FILE                       waits for the daemon; its first comparison
//   libvirt pair ROUNDS OUR-SOCKET REQUEST-FILE URI compare|baseline CPU-FILE...      in turns with ours
//   libvirt load URI CPU-FILE CONNECTIONS MILLISECONDS      comparisons, a thread a connection

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

#include "lines.h"

static struct {
    void *(*open)(const char *uri);
    char *(*capabilities)(void *connection);
    int (*compare)(void *connection, const char *cpu, unsigned flags);
    char *(*baseline)(void *connection, const char **cpus, unsigned count, unsigned flags);
    const char *(*error)(void);
} vir;

static void *symbol(void *library, const char *name)
{
    void *address = dlsym(library, name);
    if (!address)
        fprintf(stderr, "%s\n", dlerror()), exit(1);
    return address;
}

static void load_library(void)
{
    void *library = dlopen("libvirt.so.0", RTLD_NOW);
    if (!library)
        fprintf(stderr, "%s\n", dlerror()), exit(1);
    vir.open = symbol(library, "virConnectOpen");
    vir.capabilities = symbol(library, "virConnectGetCapabilities");
    vir.compare = symbol(library, "virConnectCompareCPU");
    vir.baseline = symbol(library, "virConnectBaselineCPU");
    vir.error = symbol(library, "virGetLastErrorMessage");
}

static void fail_libvirt(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, vir.error());
    exit(1);
}

static void *open_connection(const char *uri)
{
    void *connection = vir.open(uri);
    if (!connection)
        fail_libvirt(uri);
    return connection;
}

static const char *text_of(const char *path)
{
    struct text text = contents_of(path);
    text.bytes[text.length] = 0;
    return text.bytes;
}

static void compare(void *connection, const char *cpu)
{
    if (vir.compare(connection, cpu, 0) < 0)
        fail_libvirt("virConnectCompareCPU");
}

static void baseline(void *connection, const char **cpus, unsigned count)
{
    char *answer = vir.baseline(connection, cpus, count, 0);
    if (!answer)
        fail_libvirt("virConnectBaselineCPU");
    free(answer);
}

static int first(const char *path, const char *uri, const char *cpu)
{
    struct sockaddr_un address = address_of(path);
    struct timespec pause = {.tv_nsec = 1000000};
    for (;;) {
        int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_there = connect(probe, (struct sockaddr *)&address, sizeof address) == 0;
        close(probe);
        if (is_there)
            break;
        nanosleep(&pause, NULL);
    }
    compare(open_connection(uri), cpu);
    return 0;
}

static int pair(unsigned rounds, int ours, struct text request, void *theirs, bool compares, char **files, int count)
{
    const char **cpus = calloc((size_t)count, sizeof *cpus);
    char *line = line_buffer();
    struct samples our_samples = {0}, their_samples = {0};
    for (int i = 0; cpus && i < count; i++)
        cpus[i] = text_of(files[i]);
    for (unsigned i = 0, warming = rounds / 10 + 1; i < rounds + warming; i++) {
        double start = now();
        write_all(ours, request.bytes, request.length);
        read_line(ours, line);
        double middle = now();
        if (compares)
            compare(theirs, cpus[0]);
        else
            baseline(theirs, cpus, (unsigned)count);
        double end = now();
        if (i < warming)
            continue;
        add(&our_samples, middle - start);
        add(&their_samples, end - middle);
    }
    printf("{");
    print_samples("ours", &our_samples);
    printf(",");
    print_samples("theirs", &their_samples);
    printf("}\n");
    return 0;
}

struct client {
    void *connection;
    const char *cpu;
    double end;
    struct samples samples;
    pthread_t thread;
};

static void *ask_until_end(void *argument)
{
    struct client *client = argument;
    for (double start = now(), end; start < client->end; start = end) {
        compare(client->connection, client->cpu);
        end = now();
        add(&client->samples, end - start);
    }
    return NULL;
}

static int load(const char *uri, const char *cpu, unsigned count, double milliseconds)
{
    struct client *clients = calloc(count, sizeof *clients);
    struct samples samples = {0};
    for (unsigned i = 0; clients && i < count; i++)
        clients[i] = (struct client){.connection = open_connection(uri), .cpu = cpu};
    double start = now();
    for (unsigned i = 0; i < count; i++) {
        clients[i].end = start + milliseconds * 1e3;
        if (pthread_create(&clients[i].thread, NULL, ask_until_end, &clients[i]) != 0)
            fail("pthread_create");
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(clients[i].thread, NULL);
        for (size_t k = 0; k < clients[i].samples.count; k++)
            add(&samples, clients[i].samples.microseconds[k]);
    }
    double took = now() - start;
    printf("{\"callsPerSecond\":%.0f,", (double)samples.count / took * 1e6);
    print_samples("latency", &samples);
    printf("}\n");
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    load_library();
    if (argc == 3 && strcmp(what, "capabilities") == 0) {
        char *capabilities = vir.capabilities(open_connection(argv[2]));
        return capabilities ? puts(capabilities) < 0 : (fail_libvirt("virConnectGetCapabilities"), 1);
    }
    if (argc == 5 && strcmp(what, "first") == 0)
        return first(argv[2], argv[3], text_of(argv[4]));
    if (argc > 7 && strcmp(what, "pair") == 0)
        return pair(
            (unsigned)atoi(argv[2]), connect_to(argv[3]), contents_of(argv[4]), open_connection(argv[5]),
            strcmp(argv[6], "compare") == 0, argv + 7, argc - 7);
    if (argc == 6 && strcmp(what, "load") == 0)
        return load(argv[2], text_of(argv[3]), (unsigned)atoi(argv[4]), strtod(argv[5], NULL));
    return fprintf(stderr, "usage: libvirt capabilities|first|pair|load ...\n"), 2;
}
