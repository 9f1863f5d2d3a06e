// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_REPORT_H
#define LAUNCH_REPORT_H

#include <cpumodel.h>

#include "guest.h"

// For people, on stdout.

/// What cpumodeld did: verdicts and stamps by range of vCPUs, and every changed bit once.
void report_applied(const struct cpumodel_result *result);

/// Why it did not: the message, and the features or bits that it names.
void report_failed(const char *model, const struct cpumodel_error *error);

/// What the guest saw.
void report_guest(const struct sighting *sighting);

// For programs: one JSON object on stdout. Any argument but the name may be NULL.

void report_json(
    const char *name, const struct cpumodel_result *result, const struct cpumodel_error *error,
    const struct sighting *sighting, int status);

#endif
