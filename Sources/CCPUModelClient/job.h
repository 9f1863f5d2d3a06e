// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_JOB_H
#define CPUMODEL_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Checks a whole job of `size` bytes: header, every step, and the count inside every argument (JobFormat.md, "What an
/// executor does", 1). Returns the number of steps; or -1 with a sentence in `reason`.
int64_t cpumodel_job_check(
    const unsigned char *job, size_t size, unsigned vcpu_count, char *reason, size_t reason_size);

/// The result of a step that was not executed (JobFormat.md, "Step").
#define CPUMODEL_NOT_EXECUTED INT32_MIN

/// Makes one ioctl of a job: what it returned, or minus the errno, or CPUMODEL_NOT_EXECUTED, which ends the job.
typedef int32_t cpumodel_step_runner(
    void *context, unsigned vcpu, uint32_t request, unsigned char *argument, size_t size);

/// Checks a job in its memfd and has `run` make its ioctls, wherever that makes them. Returns how many were executed, and
/// in `is_complete` whether the job came to its end; or -1 with a sentence in `reason`, and nothing was executed.
int cpumodel_job_run(
    int job, unsigned vcpu_count, cpumodel_step_runner *run, void *context, bool *is_complete, char *reason,
    size_t reason_size);

/// Looks at a step of a job. Returns whether the next is to be looked at.
typedef bool cpumodel_step_visitor(void *context, unsigned vcpu, uint32_t request);

/// Checks a job and shows its steps in their order, and executes nothing. Returns whether it came to the end; if not, there
/// is a sentence in `reason`.
bool cpumodel_job_visit(
    int job, unsigned vcpu_count, cpumodel_step_visitor *visit, void *context, char *reason, size_t reason_size);

/// Whether every step of a job reads, and changes nothing: what an agent runs. False with a sentence in `reason`, also when
/// it is no job.
bool cpumodel_job_only_reads(int job, unsigned vcpu_count, char *reason, size_t reason_size);

#endif
