// SPDX-License-Identifier: Apache-2.0
//
// The executor of jobs. JobFormat.md is the contract; every number here is from there.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cpumodel.h"

struct header {
    char magic[8];
    uint32_t version, header_size, step_count, step_size, vcpu_count, zero;
    uint64_t total_size, data_offset;
    uint32_t executed;
    unsigned char reserved[12];
};

struct step {
    uint32_t request, vcpu, flags;
    int32_t result;
    uint64_t argument_offset, argument_size;
    unsigned char reserved[16];
};

_Static_assert(sizeof(struct header) == 64 && offsetof(struct header, executed) == 48, "header");
_Static_assert(sizeof(struct step) == 48 && offsetof(struct step, result) == 12, "step");

enum { STOP_ON_ERROR = 1 };

/// What a job may ask for, and how large each argument must be. An argument with entries begins with their number.
static const struct request {
    uint32_t number, fixed_size, entry_size, max_entries;
} requests[] = {
    {0x4008AE90, 8, 40, 256},   // KVM_SET_CPUID2
    {0xC008AE91, 8, 40, 256},   // KVM_GET_CPUID2
    {0x4008AE89, 8, 16, 255},   // KVM_SET_MSRS
    {0xC008AE88, 8, 16, 255},   // KVM_GET_MSRS
    {0x8138AE83, 312, 0, 0},    // KVM_GET_SREGS
    {0x8140AECC, 320, 0, 0},    // KVM_GET_SREGS2
    {0x8188AEA6, 392, 0, 0},    // KVM_GET_XCRS
    {0x4068AEA3, 104, 0, 0},    // KVM_ENABLE_CAP
};

enum { ENABLE_CAP = 0x4068AEA3, CAP_ENFORCE_PV_FEATURE_CPUID = 190 };

static const struct request *find_request(uint32_t number)
{
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (requests[i].number == number)
            return &requests[i];
    return NULL;
}

/// An argument of this size has room for whatever a step may ask for.
enum { MAX_ARGUMENT_SIZE = 8 + 256 * 40 };

/// NULL when what an argument begins with is as it must be: a count, or a capability.
static const char *argument_fault(const struct request *request, uint32_t first, uint64_t size)
{
    if (request->number == ENABLE_CAP && first != CAP_ENFORCE_PV_FEATURE_CPUID)
        return "enables a capability that is not allowed";
    if (!request->entry_size)
        return NULL;
    if (first > request->max_entries)
        return "has more entries than KVM takes";
    if (size < request->fixed_size + (uint64_t)request->entry_size * first)
        return "has more entries than its argument has room for";
    return NULL;
}

/// NULL when the step is as it must be, whatever its argument is.
static const char *step_fault(const struct header *header, const struct step *step)
{
    const struct request *request = find_request(step->request);
    if (!request)
        return "asks for an ioctl that is not allowed";
    if (step->vcpu >= header->vcpu_count)
        return "names a vCPU that did not come with the job";
    if (step->flags & ~(uint32_t)STOP_ON_ERROR)
        return "has an unknown flag";
    if (step->argument_offset % 8 || step->argument_offset < header->data_offset
        || step->argument_offset > header->total_size
        || step->argument_size > header->total_size - step->argument_offset)
        return "has an argument outside the argument area";
    if (step->argument_size < request->fixed_size)
        return "has an argument that is too small";
    return NULL;
}

static const char *header_fault(const struct header *header, size_t size, unsigned vcpu_count)
{
    if (memcmp(header->magic, "CPUMJOB1", sizeof header->magic))
        return "is no job";
    if (header->version != 1)
        return "has a version other than 1";
    if (header->header_size != sizeof(struct header) || header->step_size != sizeof(struct step))
        return "has a header or steps of the wrong size";
    if (header->total_size != size)
        return "is not as large as it says";
    if (header->vcpu_count != vcpu_count)
        return "is for another number of vCPUs than came with it";
    if (header->step_count == 0)
        return "has no steps";
    if (header->data_offset % 8 || header->data_offset > size
        || header->data_offset < sizeof(struct header) + (uint64_t)header->step_count * sizeof(struct step))
        return "has its argument area in the wrong place";
    return NULL;
}

static struct step read_step(const unsigned char *job, uint32_t index)
{
    struct step step;
    memcpy(&step, job + sizeof(struct header) + (size_t)index * sizeof step, sizeof step);
    return step;
}

/// Checks a whole job. The header that was checked is in `header`: its sender may write another over the one in the file.
static bool check_job(
    const unsigned char *job, size_t size, unsigned vcpu_count, struct header *header, char *reason, size_t reason_size)
{
    if (size < sizeof *header) {
        snprintf(reason, reason_size, "the file is too small for a job");
        return false;
    }
    memcpy(header, job, sizeof *header);
    const char *fault = header_fault(header, size, vcpu_count);
    if (fault) {
        snprintf(reason, reason_size, "the file %s", fault);
        return false;
    }
    for (uint32_t i = 0; i < header->step_count; i++) {
        struct step step = read_step(job, i);
        fault = step_fault(header, &step);
        if (!fault) {
            uint32_t first;
            memcpy(&first, job + step.argument_offset, sizeof first);
            fault = argument_fault(find_request(step.request), first, step.argument_size);
        }
        if (fault) {
            snprintf(reason, reason_size, "step %u of the job (request 0x%08x) %s", i, step.request, fault);
            return false;
        }
    }
    return true;
}

int64_t cpumodel_job_check(
    const unsigned char *job, size_t size, unsigned vcpu_count, char *reason, size_t reason_size)
{
    struct header header;
    return check_job(job, size, vcpu_count, &header, reason, reason_size) ? (int64_t)header.step_count : -1;
}

static int32_t execute_step(void *context, unsigned vcpu, uint32_t request, unsigned char *argument, size_t size)
{
    const int *vcpu_fds = context;
    (void)size;
    int value;
    do {
        value = ioctl(vcpu_fds[vcpu], (unsigned long)request, argument);
    } while (value < 0 && (errno == EINTR || errno == EAGAIN));
    return value < 0 ? -errno : value;
}

/// Runs a step on a copy of its argument, and puts back what became of it: KVM reads the count in an argument itself, and
/// its sender may have written another one since it was checked. CPUMODEL_NOT_EXECUTED when he has.
static int32_t run_step(unsigned char *job, const struct step *step, cpumodel_step_runner *run, void *context)
{
    unsigned char argument[MAX_ARGUMENT_SIZE] __attribute__((aligned(8)));
    const size_t size = step->argument_size < sizeof argument ? (size_t)step->argument_size : sizeof argument;
    memcpy(argument, job + step->argument_offset, size);
    uint32_t first;
    memcpy(&first, argument, sizeof first);
    if (argument_fault(find_request(step->request), first, size))
        return CPUMODEL_NOT_EXECUTED;
    int32_t result = run(context, step->vcpu, step->request, argument, size);
    memcpy(job + step->argument_offset, argument, size);
    return result;
}

/// Returns the number of steps executed.
static uint32_t execute_steps(
    unsigned char *job, const struct header *header, cpumodel_step_runner *run, void *context, bool *is_complete)
{
    for (uint32_t i = 0; i < header->step_count; i++) {
        // The file is shared with its sender, so what was checked may have changed since. A copy of the step, checked
        // again, is what is executed.
        struct step step = read_step(job, i);
        if (step_fault(header, &step))
            return i;
        step.result = run_step(job, &step, run, context);
        if (step.result == CPUMODEL_NOT_EXECUTED)
            return i;
        memcpy(
            job + sizeof *header + (size_t)i * sizeof step + offsetof(struct step, result), &step.result,
            sizeof step.result);
        uint32_t executed = i + 1;
        memcpy(job + offsetof(struct header, executed), &executed, sizeof executed);
        *is_complete = executed == header->step_count || (step.result < 0 && step.flags & STOP_ON_ERROR);
        if (*is_complete)
            return executed;
    }
    return header->step_count;
}

/// Maps a job. Returns it with its size, or NULL with a sentence in `reason`.
static unsigned char *map_job(int job, size_t *size, char *reason, size_t reason_size)
{
    struct stat status;
    const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    int seals = fcntl(job, F_GET_SEALS);
    // Without the seals the file could be cut short under the mapping, and reading it would be a SIGBUS.
    if (seals < 0 || (seals & needed) != needed || fstat(job, &status) < 0 || status.st_size <= 0) {
        snprintf(reason, reason_size, "the job is not in a sealed memfd");
        return NULL;
    }
    *size = (size_t)status.st_size;
    unsigned char *bytes = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, job, 0);
    if (bytes != MAP_FAILED)
        return bytes;
    snprintf(reason, reason_size, "the job cannot be mapped: %m");
    return NULL;
}

bool cpumodel_job_visit(
    int job, unsigned vcpu_count, cpumodel_step_visitor *visit, void *context, char *reason, size_t reason_size)
{
    size_t size;
    unsigned char *bytes = map_job(job, &size, reason, reason_size);
    if (!bytes)
        return false;
    int64_t steps = cpumodel_job_check(bytes, size, vcpu_count, reason, reason_size);
    bool goes_on = steps > 0;
    for (uint32_t i = 0; goes_on && i < steps; i++) {
        const struct step step = read_step(bytes, i);
        goes_on = step.vcpu < vcpu_count && visit(context, step.vcpu, step.request);
        if (!goes_on)
            snprintf(reason, reason_size, "step %u of the job (request 0x%08x) may not be executed", i, step.request);
    }
    munmap(bytes, size);
    return goes_on;
}

static bool is_read(void *context, unsigned vcpu, uint32_t request)
{
    bool *reads = context;
    (void)vcpu;
    // The direction in an ioctl's number is the caller's: every request here that KVM answers has the bit "read".
    return *reads = request & 0x80000000;
}

bool cpumodel_job_only_reads(int job, unsigned vcpu_count, char *reason, size_t reason_size)
{
    bool reads = true;
    if (cpumodel_job_visit(job, vcpu_count, is_read, &reads, reason, reason_size))
        return true;
    size_t length = strlen(reason);
    if (!reads)
        snprintf(reason + length, reason_size - length, ": an agent only reads");
    return false;
}

int cpumodel_job_run(
    int job, unsigned vcpu_count, cpumodel_step_runner *run, void *context, bool *is_complete, char *reason,
    size_t reason_size)
{
    size_t size;
    unsigned char *bytes = map_job(job, &size, reason, reason_size);
    if (!bytes)
        return -1;
    struct header header;
    int executed = -1;
    if (check_job(bytes, size, vcpu_count, &header, reason, reason_size))
        executed = (int)execute_steps(bytes, &header, run, context, is_complete);
    munmap(bytes, size);
    return executed;
}

int cpumodel_execute_job(int job, const int *vcpu_fds, unsigned vcpu_count, char *reason, size_t reason_size)
{
    bool is_complete = false;
    return cpumodel_job_run(
        job, vcpu_count, execute_step, (void *)(uintptr_t)vcpu_fds, &is_complete, reason, reason_size);
}
