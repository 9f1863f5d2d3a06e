// SPDX-License-Identifier: Apache-2.0

#include "reading.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/// A piece of memory that belongs to a result.
struct block {
    struct block *next;
    max_align_t bytes[];
};

void cpumodel_reading_free(struct reading *reading)
{
    for (struct block *block = reading->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *reading = (struct reading){0};
}

void *cpumodel_read_room(struct reading *reading, size_t count, size_t size)
{
    struct block *block = calloc(1, sizeof *block + count * size);
    if (!block) {
        reading->failed = true;
        return NULL;
    }
    block->next = reading->blocks;
    reading->blocks = block;
    return block->bytes;
}

const char *cpumodel_read_string(struct reading *reading, struct json value, const char *fallback)
{
    long length = cpumodel_json_string(value, NULL, 0);
    char *copy = length < 0 ? NULL : cpumodel_read_room(reading, (size_t)length + 1, 1);
    if (!copy)
        return fallback;
    cpumodel_json_string(value, copy, (size_t)length + 1);
    return copy;
}

uint32_t cpumodel_read_number(struct json value)
{
    uint32_t number = 0;
    return cpumodel_json_u32(value, &number) ? number : 0;
}

size_t cpumodel_read_array(
    struct reading *reading, struct json list, size_t size, void (*read)(struct reading *, struct json, void *),
    void **items)
{
    struct json key, element;
    size_t count = cpumodel_json_kind(list) == '[' ? cpumodel_json_count(list) : 0;
    char *at = count ? cpumodel_read_room(reading, count, size) : NULL;
    *items = at;
    if (!at)
        return 0;
    for (const char *cursor = NULL; cpumodel_json_next(list, &cursor, &key, &element); at += size)
        read(reading, element, at);
    return count;
}

static void read_feature(struct reading *reading, struct json element, void *item)
{
    enum { FEATURE, REASON, COUNT };
    static const char *const names[COUNT] = {"feature", "reason"};
    struct json is[COUNT];
    cpumodel_json_members(element, names, is, COUNT);
    *(struct cpumodel_feature *)item = (struct cpumodel_feature){
        .name = cpumodel_read_string(reading, is[FEATURE], ""),
        .reason = cpumodel_read_string(reading, is[REASON], ""),
    };
}

size_t cpumodel_read_features(
    struct reading *reading, struct json list, const struct cpumodel_feature **features)
{
    void *items;
    size_t count = cpumodel_read_array(reading, list, sizeof(struct cpumodel_feature), read_feature, &items);
    *features = items;
    return count;
}
