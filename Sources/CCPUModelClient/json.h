// SPDX-License-Identifier: Apache-2.0
//
// Reading JSON in place. A text is checked once, as a whole; after that a value is just where it lies in the text, and
// nothing is copied or allocated until a caller wants a string.

#ifndef CPUMODEL_JSON_H
#define CPUMODEL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Deeper nesting is refused; the protocol's own limit.
#define CPUMODEL_JSON_MAX_DEPTH 64

/// A value in a checked text. `begin` is NULL for "there is none", which every function below takes.
struct json {
    const char *begin, *end;
};

/// Checks that `text` is one JSON value (RFC 8259, UTF-8), with nothing but white space around it.
bool cpumodel_json_read(const char *text, size_t length, struct json *value);

/// The kind of a value by its first character: '{' '[' '"' 't' 'f' 'n', '0' for a number, 0 for none.
char cpumodel_json_kind(struct json value);

/// Steps through an object or an array: `cursor` starts as NULL. `key` is none in an array. False at the end, and for
/// everything that is neither.
bool cpumodel_json_next(struct json container, const char **cursor, struct json *key, struct json *value);

/// The member `name` of an object. None if it is absent, and also if it is given twice, since nobody can know then
/// which one is meant.
struct json cpumodel_json_member(struct json object, const char *name);

/// Of so many members at most the following can be asked at once.
#define CPUMODEL_JSON_MAX_MEMBERS 16

/// The same of several members, in one pass over the object.
void cpumodel_json_members(struct json object, const char *const *names, struct json *values, size_t count);

/// How many elements or members.
size_t cpumodel_json_count(struct json container);

/// Whether the value is the string `text`.
bool cpumodel_json_is(struct json value, const char *text);

/// Decodes a string into `buffer`, as UTF-8 with a NUL behind it, as many whole characters as fit. U+0000 and lone
/// surrogates become U+FFFD. Returns the bytes of the whole string without NUL, or -1 for what is no string.
long cpumodel_json_string(struct json value, char *buffer, size_t size);

/// An integer without fraction or exponent that fits.
bool cpumodel_json_integer(struct json value, int64_t *integer);

/// A 32-bit number written as the protocol writes registers, `"0x1f"`, or as a plain integer.
bool cpumodel_json_u32(struct json value, uint32_t *number);

/// A 64-bit number written as the protocol writes registers.
bool cpumodel_json_u64(struct json value, uint64_t *number);

#endif
