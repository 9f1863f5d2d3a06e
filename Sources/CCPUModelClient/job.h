// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_JOB_H
#define CPUMODEL_JOB_H

#include <stddef.h>
#include <stdint.h>

/// Checks a whole job of `size` bytes: header, every step, and the count inside every argument (JobFormat.md, "What an
/// executor does", 1). Returns the number of steps; or -1 with a sentence in `reason`.
int64_t cpumodel_job_check(
    const unsigned char *job, size_t size, unsigned vcpu_count, char *reason, size_t reason_size);

#endif
