// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_ERROR_H
#define CPUMODEL_ERROR_H

#include "cpumodel.h"

/// Fills in `error`, unless it is NULL, and returns `code`.
__attribute__((format(printf, 4, 5))) int cpumodel_error_set(
    struct cpumodel_error *error, int code, const char *kind, const char *format, ...);

/// The fault every allocation shares. Returns -ENOMEM.
int cpumodel_error_no_memory(struct cpumodel_error *error);

#endif
