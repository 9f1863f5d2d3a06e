// SPDX-License-Identifier: Apache-2.0

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cpumodel_text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

void cpumodel_text_add(struct text *text, const char *bytes, size_t length)
{
    if (text->failed || length == 0)
        return;
    if (text->capacity - text->length < length) {
        size_t capacity = (text->length + length) * 2;
        char *grown = realloc(text->bytes, capacity);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->bytes = grown;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

/// For numbers and other short pieces: what is longer than the buffer would be a fault of this library.
void cpumodel_text_format(struct text *text, const char *format, ...)
{
    char buffer[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof buffer)
        text->failed = true;
    else
        cpumodel_text_add(text, buffer, (size_t)length);
}

void cpumodel_text_string(struct text *text, const char *string)
{
    cpumodel_text_add(text, "\"", 1);
    while (*string) {
        size_t plain = 0;
        while ((unsigned char)string[plain] >= 0x20 && string[plain] != '"' && string[plain] != '\\')
            plain++;
        cpumodel_text_add(text, string, plain);
        string += plain;
        if (*string)
            cpumodel_text_format(text, "\\u%04x", (unsigned)(unsigned char)*string++);
    }
    cpumodel_text_add(text, "\"", 1);
}

void cpumodel_text_json(struct text *text, const char *json, size_t length)
{
    size_t start = text->length;
    cpumodel_text_add(text, json, length);
    // A raw line end in JSON can only be white space between tokens.
    for (size_t i = start; i < text->length; i++)
        if (text->bytes[i] == '\n' || text->bytes[i] == '\r')
            text->bytes[i] = ' ';
}
