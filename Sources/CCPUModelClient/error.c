// SPDX-License-Identifier: Apache-2.0

#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cpumodel_error_set(struct cpumodel_error *error, int code, const char *kind, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->code = code;
        error->data = NULL;
        snprintf(error->kind, sizeof error->kind, "%s", kind);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return code;
}

int cpumodel_error_no_memory(struct cpumodel_error *error)
{
    return cpumodel_error_set(error, -ENOMEM, "noMemory", "there is not enough memory");
}

void cpumodel_error_clear(struct cpumodel_error *error)
{
    free(error->data);
    error->data = NULL;
}
