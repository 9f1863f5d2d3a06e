// SPDX-License-Identifier: Apache-2.0
//
// Writing a line of JSON.

#ifndef CPUMODEL_TEXT_H
#define CPUMODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/// Text that grows. Start from zero. When memory runs out it remembers so in `failed` and takes no more.
struct text {
    char *bytes;
    size_t length, capacity;
    bool failed;
};

void cpumodel_text_free(struct text *text);

void cpumodel_text_add(struct text *text, const char *bytes, size_t length);

__attribute__((format(printf, 2, 3))) void cpumodel_text_format(struct text *text, const char *format, ...);

/// Adds `string`, quoted and escaped as JSON. Bytes of 0x80 and more are taken as they are.
void cpumodel_text_string(struct text *text, const char *string);

/// Adds JSON text with its line ends as spaces: a message must be one line.
void cpumodel_text_json(struct text *text, const char *json, size_t length);

#endif
