// SPDX-License-Identifier: Apache-2.0
//
// The JSON reader of the C client. A text that it takes is asked for everything that is in it.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "json.h"
#include "text.h"

/// Reads a string in buffers of every size up to its own: the same text each time, as much of it as fits.
static void read_string(struct json value)
{
    char whole[4096], part[8];
    long length = cpumodel_json_string(value, whole, sizeof whole);
    REQUIRE(length >= 0 && (size_t)length < sizeof whole && strlen(whole) == (size_t)length);
    for (size_t size = 0; size < sizeof part; size++) {
        REQUIRE(cpumodel_json_string(value, part, size) == length);
        REQUIRE(!size || (strlen(part) < size && !strncmp(part, whole, strlen(part))));
    }
    REQUIRE(cpumodel_json_is(value, whole));

    // Written and read again.
    struct text text = {0};
    cpumodel_text_string(&text, whole);
    struct json again;
    REQUIRE(!text.failed && cpumodel_json_read(text.bytes, text.length, &again));
    REQUIRE(cpumodel_json_is(again, whole));
    cpumodel_text_free(&text);
}

static void read_numbers(struct json value)
{
    int64_t integer;
    uint64_t wide;
    uint32_t word;
    if (cpumodel_json_integer(value, &integer)) {
        char digits[24];
        int length = snprintf(digits, sizeof digits, "%lld", (long long)integer);
        bool is_minus_zero = integer == 0 && *value.begin == '-';
        REQUIRE(is_minus_zero || (value.end - value.begin == length && !memcmp(digits, value.begin, (size_t)length)));
    }
    if (cpumodel_json_u64(value, &wide) && cpumodel_json_u32(value, &word))
        REQUIRE(wide == word);
}

static void read_value(struct json value, struct json all)
{
    REQUIRE(value.begin >= all.begin && value.end <= all.end && value.begin < value.end);
    char kind = cpumodel_json_kind(value);
    REQUIRE(strchr("{[\"tfn0", kind));
    read_numbers(value);
    if (kind == '"')
        read_string(value);
    struct json key, element;
    size_t count = 0;
    for (const char *cursor = NULL; cpumodel_json_next(value, &cursor, &key, &element); count++) {
        REQUIRE(!key.begin == (kind == '['));
        if (key.begin)
            read_string(key);
        read_value(element, value);
    }
    REQUIRE(count == cpumodel_json_count(value));
    REQUIRE(count == 0 || kind == '{' || kind == '[');
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    // Of exactly this size, so that a byte too many is seen.
    char *text = malloc(size ? size : 1);
    memcpy(text, bytes, size);
    struct json all;
    if (cpumodel_json_read(text, size, &all)) {
        read_value(all, all);
        static const char *const names[] = {"id", "method", "params", "result", "error", "code", "message", ""};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct json member = cpumodel_json_member(all, names[i]);
            if (member.begin)
                read_value(member, all);
        }
    }
    free(text);
    return 0;
}
