// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "misbehave.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/// Where things lie in a job: JobFormat.md.
enum { STEP_COUNT_AT = 16, DATA_OFFSET_AT = 40, EXECUTED_AT = 48, STEPS_AT = 64, STEP_SIZE = 48, RESULT_AT = 12 };

static void die(void)
{
    kill(getpid(), SIGKILL);
}

/// Calls `change` with the job's bytes.
static void change_job(int job, void (*change)(unsigned char *bytes, size_t size))
{
    struct stat status;
    if (fstat(job, &status) < 0)
        return;
    size_t size = (size_t)status.st_size;
    unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, job, 0);
    if (bytes == MAP_FAILED)
        return;
    change(bytes, size);
    munmap(bytes, size);
}

static void halve(unsigned char *bytes, size_t size)
{
    (void)size;
    uint32_t steps;
    memcpy(&steps, bytes + STEP_COUNT_AT, sizeof steps);
    steps = (steps + 1) / 2;
    memcpy(bytes + STEP_COUNT_AT, &steps, sizeof steps);
}

static void scribble(unsigned char *bytes, size_t size)
{
    uint32_t steps;
    uint64_t data;
    memcpy(&steps, bytes + STEP_COUNT_AT, sizeof steps);
    memcpy(&data, bytes + DATA_OFFSET_AT, sizeof data);
    for (uint32_t i = 0; i < steps; i++)
        memset(bytes + STEPS_AT + (size_t)i * STEP_SIZE + RESULT_AT, 0xa5, sizeof(int32_t));
    memset(bytes + EXECUTED_AT, 0xa5, sizeof(uint32_t));
    memset(bytes + data, 0xa5, size - data);
}

// ---- The modes ------------------------------------------------------------------------------------------------------

static int die_before(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    (void)context, (void)job, (void)vcpus, (void)count, (void)reason, (void)size;
    die();
    return -1;
}

/// Executes the first half of the job only.
static int die_during(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    change_job(job, halve);
    cpumodel_execute_job(job, vcpus, count, reason, size);
    return die_before(context, job, vcpus, count, reason, size);
}

static int die_after(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    cpumodel_execute_job(job, vcpus, count, reason, size);
    return die_before(context, job, vcpus, count, reason, size);
}

/// The library's own answer follows the garbage.
static int answer_garbage(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    static const char garbage[] = "\xff\xfe{\"id\":}garbage\n";
    if (write(cpumodel_socket(context), garbage, sizeof garbage - 1) < 0)
        perror("garbage");
    return cpumodel_execute_job(job, vcpus, count, reason, size);
}

/// Waits until the daemon has hung up or somebody ends this program.
static int never_answer(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    struct pollfd poller = {.fd = cpumodel_socket(context), .events = POLLRDHUP};
    while (poll(&poller, 1, -1) <= 0)
        ;
    return die_before(context, job, vcpus, count, reason, size);
}

/// Executes and answers when the daemon has given up and said so.
static int late_answer(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    struct pollfd poller = {.fd = cpumodel_socket(context), .events = POLLIN};
    while (poll(&poller, 1, -1) <= 0)
        ;
    return cpumodel_execute_job(job, vcpus, count, reason, size);
}

static int scribble_results(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    (void)context;
    int executed = cpumodel_execute_job(job, vcpus, count, reason, size);
    change_job(job, scribble);
    return executed;
}

static int answer_error(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    (void)context, (void)job, (void)vcpus, (void)count;
    snprintf(reason, size, "this launcher was told to refuse");
    return -1;
}

static int execute_twice(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    (void)context;
    cpumodel_execute_job(job, vcpus, count, reason, size);
    return cpumodel_execute_job(job, vcpus, count, reason, size);
}

static int wrong_count(void *context, int job, const int *vcpus, unsigned count, char *reason, size_t size)
{
    (void)context;
    return cpumodel_execute_job(job, vcpus, count, reason, size) + 1;
}

static const struct {
    const char *name;
    cpumodel_executor *executor;
} modes[] = {
    {"die-before-execute", die_before},
    {"die-during-execute", die_during},
    {"die-after-execute", die_after},
    {"garbage-answer", answer_garbage},
    {"never-answer", never_answer},
    {"late-answer", late_answer},
    {"scribble-results", scribble_results},
    {"error-answer", answer_error},
    {"execute-twice", execute_twice},
    {"wrong-count", wrong_count},
};

cpumodel_executor *misbehave_find(const char *mode)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(modes[i].name, mode))
            return modes[i].executor;
    return NULL;
}

void misbehave_list(FILE *out, const char *before_each)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        fprintf(out, "%s%s", before_each, modes[i].name);
}
