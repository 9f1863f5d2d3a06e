// SPDX-License-Identifier: Apache-2.0

#include "json.h"

#include <stdlib.h>
#include <string.h>

// ---- Checking -------------------------------------------------------------------------------------------------------
//
// Each function gets the place of the first character and returns the place behind the last one, or NULL.

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/// Four hexadecimal digits, or -1.
static long hex_unit(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/// One character of more than one byte, well-formed as in table 3-7 of the Unicode standard.
static const char *skip_utf8(const char *p, const char *end)
{
    unsigned char lead = (unsigned char)*p, low = 0x80, high = 0xbf;
    int more;
    if (lead >= 0xc2 && lead <= 0xdf)
        more = 1;
    else if (lead >= 0xe0 && lead <= 0xef)
        more = 2;
    else if (lead >= 0xf0 && lead <= 0xf4)
        more = 3;
    else
        return NULL;
    if (end - p <= more)
        return NULL;
    if (lead == 0xe0)
        low = 0xa0;  // overlong
    else if (lead == 0xed)
        high = 0x9f;  // surrogates
    else if (lead == 0xf0)
        low = 0x90;  // overlong
    else if (lead == 0xf4)
        high = 0x8f;  // beyond U+10FFFF
    for (int i = 1; i <= more; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < low || c > high)
            return NULL;
        low = 0x80;
        high = 0xbf;
    }
    return p + 1 + more;
}

/// Whether a character stands for itself in a string, and is one byte long.
static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p && p < end;) {
        while (p < end && is_plain((unsigned char)*p))
            p++;
        if (p == end)
            return NULL;
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            return p + 1;
        if (c < 0x20)
            return NULL;
        if (c >= 0x80) {
            p = skip_utf8(p, end);
        } else if (c == '\\') {
            if (end - p < 2)
                return NULL;
            if (p[1] == 'u') {
                if (hex_unit(p + 2, end) < 0)
                    return NULL;
                p += 6;
            } else if (p[1] && strchr("\"\\/bfnrt", p[1])) {
                p += 2;
            } else {
                return NULL;
            }
        }
    }
    return NULL;
}

static const char *skip_number(const char *p, const char *end)
{
    if (*p == '-')
        p++;
    if (!is_digit(p, end))
        return NULL;
    if (*p == '0')
        p++;
    else
        while (is_digit(p, end))
            p++;
    if (p < end && *p == '.') {
        p++;
        if (!is_digit(p, end))
            return NULL;
        while (is_digit(p, end))
            p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!is_digit(p, end))
            return NULL;
        while (is_digit(p, end))
            p++;
    }
    return p;
}

static const char *skip_word(const char *p, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - p) >= length && !memcmp(p, word, length) ? p + length : NULL;
}

static const char *skip_value(const char *p, const char *end, int depth);

/// A key and its colon, up to the value.
static const char *skip_key(const char *p, const char *end)
{
    if (p >= end || *p != '"' || !(p = skip_string(p, end)))
        return NULL;
    p = skip_space(p, end);
    return p < end && *p == ':' ? skip_space(p + 1, end) : NULL;
}

static const char *skip_container(const char *p, const char *end, int depth)
{
    char close = *p == '{' ? '}' : ']';
    p = skip_space(p + 1, end);
    if (p < end && *p == close)
        return p + 1;
    for (;;) {
        if (close == '}' && !(p = skip_key(p, end)))
            return NULL;
        if (!(p = skip_value(p, end, depth + 1)))
            return NULL;
        p = skip_space(p, end);
        if (p >= end)
            return NULL;
        if (*p == close)
            return p + 1;
        if (*p != ',')
            return NULL;
        p = skip_space(p + 1, end);
    }
}

/// `depth` containers enclose the value.
static const char *skip_value(const char *p, const char *end, int depth)
{
    if (p >= end)
        return NULL;
    switch (*p) {
    case '{':
    case '[':
        return depth < CPUMODEL_JSON_MAX_DEPTH ? skip_container(p, end, depth) : NULL;
    case '"':
        return skip_string(p, end);
    case 't':
        return skip_word(p, end, "true");
    case 'f':
        return skip_word(p, end, "false");
    case 'n':
        return skip_word(p, end, "null");
    default:
        return skip_number(p, end);
    }
}

bool cpumodel_json_read(const char *text, size_t length, struct json *value)
{
    const char *end = text + length;
    value->begin = skip_space(text, end);
    value->end = skip_value(value->begin, end, 0);
    return value->end && skip_space(value->end, end) == end;
}

// ---- Using a checked text -------------------------------------------------------------------------------------------

char cpumodel_json_kind(struct json value)
{
    if (!value.begin)
        return 0;
    return *value.begin == '-' || is_digit(value.begin, value.end) ? '0' : *value.begin;
}

bool cpumodel_json_next(struct json container, const char **cursor, struct json *key, struct json *value)
{
    char kind = cpumodel_json_kind(container);
    if (kind != '{' && kind != '[')
        return false;
    const char *end = container.end - 1, *p = *cursor ? *cursor : container.begin + 1;
    p = skip_space(p, end);
    if (*cursor && p < end)
        p = skip_space(p + 1, end);  // the comma
    if (p >= end)
        return false;
    *key = (struct json){0};
    if (kind == '{') {
        *key = (struct json){p, skip_string(p, end)};
        p = skip_space(skip_space(key->end, end) + 1, end);  // the colon
    }
    *value = (struct json){p, skip_value(p, end, 0)};
    *cursor = value->end;
    return true;
}

/// Puts a value where its name is asked for. One that has come before says that it is given twice.
static void take_member(
    struct json key, struct json value, const char *const *names, struct json *values, bool *twice, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!cpumodel_json_is(key, names[i]))
            continue;
        twice[i] |= values[i].begin != NULL;
        values[i] = value;
        return;
    }
}

void cpumodel_json_members(struct json object, const char *const *names, struct json *values, size_t count)
{
    bool twice[CPUMODEL_JSON_MAX_MEMBERS] = {false};
    for (size_t i = 0; i < count; i++)
        values[i] = (struct json){0};
    if (cpumodel_json_kind(object) != '{' || count > CPUMODEL_JSON_MAX_MEMBERS)
        return;
    struct json key, value;
    for (const char *cursor = NULL; cpumodel_json_next(object, &cursor, &key, &value);)
        take_member(key, value, names, values, twice, count);
    for (size_t i = 0; i < count; i++)
        if (twice[i])
            values[i] = (struct json){0};
}

struct json cpumodel_json_member(struct json object, const char *name)
{
    struct json value;
    cpumodel_json_members(object, &name, &value, 1);
    return value;
}

size_t cpumodel_json_count(struct json container)
{
    struct json key, value;
    size_t count = 0;
    for (const char *cursor = NULL; cpumodel_json_next(container, &cursor, &key, &value);)
        count++;
    return count;
}

static size_t encode_utf8(long c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/// Decodes the character at `*p`, which is moved behind it, into up to four bytes. Returns how many.
static size_t decode_character(const char **p, const char *end, char *out)
{
    const char *at = *p;
    if (*at != '\\') {
        const char *behind = (unsigned char)*at < 0x80 ? at + 1 : skip_utf8(at, end);
        memcpy(out, at, (size_t)(behind - at));
        *p = behind;
        return (size_t)(behind - at);
    }
    *p = at + 2;
    switch (at[1]) {
    case 'b':
        return encode_utf8('\b', out);
    case 'f':
        return encode_utf8('\f', out);
    case 'n':
        return encode_utf8('\n', out);
    case 'r':
        return encode_utf8('\r', out);
    case 't':
        return encode_utf8('\t', out);
    case 'u':
        break;
    default:
        return encode_utf8(at[1], out);
    }
    long unit = hex_unit(at + 2, end);
    *p = at + 6;
    if (unit >= 0xd800 && unit <= 0xdbff && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        long second = hex_unit(*p + 2, end);
        if (second >= 0xdc00 && second <= 0xdfff) {
            *p += 6;
            return encode_utf8(0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00), out);
        }
    }
    bool representable = unit != 0 && (unit < 0xd800 || unit > 0xdfff);
    return encode_utf8(representable ? unit : 0xfffd, out);
}

bool cpumodel_json_is(struct json value, const char *text)
{
    if (cpumodel_json_kind(value) != '"')
        return false;
    const char *end = value.end - 1;
    // Nearly all names stand there as they are.
    size_t length = strlen(text);
    if ((size_t)(end - value.begin - 1) == length && !memcmp(value.begin + 1, text, length)
        && !memchr(text, '\\', length))
        return true;
    if (!memchr(value.begin + 1, '\\', (size_t)(end - value.begin - 1)))
        return false;
    for (const char *p = value.begin + 1; p < end;) {
        char bytes[4];
        size_t count = decode_character(&p, end, bytes);
        if (strncmp(text, bytes, count))
            return false;
        text += count;
    }
    return *text == 0;
}

long cpumodel_json_string(struct json value, char *buffer, size_t size)
{
    if (cpumodel_json_kind(value) != '"')
        return -1;
    const char *end = value.end - 1;
    size_t length = (size_t)(end - value.begin - 1);
    if (!memchr(value.begin + 1, '\\', length) && (length < size || !size)) {
        // Nothing to decode, and room for it.
        if (size) {
            memcpy(buffer, value.begin + 1, length);
            buffer[length] = 0;
        }
        return (long)length;
    }
    size_t total = 0, stored = 0;
    for (const char *p = value.begin + 1; p < end;) {
        char bytes[4];
        size_t count = decode_character(&p, end, bytes);
        if (stored == total && stored + count < size) {
            memcpy(buffer + stored, bytes, count);
            stored += count;
        }
        total += count;
    }
    if (size)
        buffer[stored] = 0;
    return (long)total;
}

bool cpumodel_json_integer(struct json value, int64_t *integer)
{
    if (cpumodel_json_kind(value) != '0')
        return false;
    bool negative = *value.begin == '-';
    int64_t sum = 0;
    for (const char *p = value.begin + negative; p < value.end; p++) {
        if (!is_digit(p, value.end))
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, *p - '0', &sum))
            return false;
    }
    // Summed up below zero, where there is room for one more.
    if (!negative && __builtin_sub_overflow((int64_t)0, sum, &sum))
        return false;
    *integer = sum;
    return true;
}

/// The number in a string such as `"0x1f"` of at most that many digits.
static bool hex_string(struct json value, long most_digits, uint64_t *number)
{
    char digits[24];
    long length = cpumodel_json_string(value, digits, sizeof digits);
    if (length < 3 || length > 2 + most_digits || digits[0] != '0' || digits[1] != 'x')
        return false;
    uint64_t sum = 0;
    for (const char *p = digits + 2; *p; p++) {
        int digit = hex_digit(*p);
        if (digit < 0)
            return false;
        sum = sum << 4 | (uint64_t)digit;
    }
    *number = sum;
    return true;
}

bool cpumodel_json_u64(struct json value, uint64_t *number)
{
    return hex_string(value, 16, number);
}

bool cpumodel_json_u32(struct json value, uint32_t *number)
{
    int64_t integer;
    uint64_t wide;
    if (cpumodel_json_integer(value, &integer)) {
        *number = (uint32_t)integer;
        return integer >= 0 && integer <= UINT32_MAX;
    }
    if (!hex_string(value, 8, &wide))
        return false;
    *number = (uint32_t)wide;
    return true;
}
