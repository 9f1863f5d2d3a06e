// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_REPORT_H
#define LAUNCH_REPORT_H

#include <cpumodel.h>

#include "look.h"
#include "toggle.h"

// For people, on stdout.

/// What cpumodeld did: verdicts and stamps by range of vCPUs, and every changed bit once.
void report_applied(const struct cpumodel_result *result);

/// Why it did not: the message, and the features or bits that it names.
void report_failed(const char *model, const struct cpumodel_error *error);

/// What the guest saw.
void report_guest(const struct sighting *sighting);

/// Where the guest stands after a step.
void report_standing(const struct standing *standing);

// For programs: a JSON object on a line of stdout. Any pointer but the name and the standing may be NULL.

void report_json(
    const char *name, const struct cpumodel_result *result, const struct cpumodel_error *error,
    const struct sighting *sighting, int status);

void report_standing_json(const struct standing *standing);

#endif
