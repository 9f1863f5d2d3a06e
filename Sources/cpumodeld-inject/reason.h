// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/// Why something was not done: a sentence for the client, that says what to do where something can be done.
struct reason {
    char text[512];
};

/// Sets the reason, and is false, to be returned. %m is the text of errno.
__attribute__((format(printf, 2, 3))) static inline bool refuse(struct reason *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason->text, sizeof reason->text, format, arguments);
    va_end(arguments);
    return false;
}
