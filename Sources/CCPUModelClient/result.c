// SPDX-License-Identifier: Apache-2.0
//
// The result of vm.apply as structures. Members that are absent or of the wrong type read as zero or empty: a later
// daemon may know more than this library, and the text itself is in `json`.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpumodel.h"
#include "json.h"

/// A piece of memory that belongs to a result.
struct block {
    struct block *next;
    max_align_t bytes[];
};

/// A result and all its memory, to be freed at once.
struct reading {
    struct cpumodel_result result;
    struct block *blocks;
    bool failed;
};

/// Zeroed room for `count` things, or NULL.
static void *room(struct reading *reading, size_t count, size_t size)
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

/// A string member; `fallback` when there is none.
static const char *string(struct reading *reading, struct json object, const char *name, const char *fallback)
{
    struct json value = cpumodel_json_member(object, name);
    long length = cpumodel_json_string(value, NULL, 0);
    char *copy = length < 0 ? NULL : room(reading, (size_t)length + 1, 1);
    if (!copy)
        return fallback;
    cpumodel_json_string(value, copy, (size_t)length + 1);
    return copy;
}

static uint32_t number(struct json object, const char *name)
{
    uint32_t value = 0;
    return cpumodel_json_u32(cpumodel_json_member(object, name), &value) ? value : 0;
}

/// Reads the array `name` of `object`: `*items` gets one zeroed thing of `size` bytes an element, each filled in by
/// `read`. Returns their number.
static size_t array(
    struct reading *reading, struct json list, size_t size, void (*read)(struct reading *, struct json, void *),
    void **items)
{
    struct json key, element;
    size_t count = cpumodel_json_kind(list) == '[' ? cpumodel_json_count(list) : 0;
    char *at = count ? room(reading, count, size) : NULL;
    *items = at;
    if (!at)
        return 0;
    for (const char *cursor = NULL; cpumodel_json_next(list, &cursor, &key, &element); at += size)
        read(reading, element, at);
    return count;
}

static enum cpumodel_verdict verdict(struct json object)
{
    struct json value = cpumodel_json_member(object, "verdict");
    for (int known = CPUMODEL_EXACT; known <= CPUMODEL_REFUSED; known++)
        if (cpumodel_json_is(value, cpumodel_verdict_name((enum cpumodel_verdict)known)))
            return (enum cpumodel_verdict)known;
    return CPUMODEL_UNKNOWN;
}

static void read_bit(struct reading *reading, struct json element, void *item)
{
    *(struct cpumodel_bit *)item =
        (struct cpumodel_bit){.bit = number(element, "bit"), .feature = string(reading, element, "feature", NULL)};
}

static void read_difference(struct reading *reading, struct json element, void *item)
{
    void *bits;
    size_t bit_count =
        array(reading, cpumodel_json_member(element, "bits"), sizeof(struct cpumodel_bit), read_bit, &bits);
    *(struct cpumodel_difference *)item = (struct cpumodel_difference){
        .leaf = number(element, "leaf"),
        .subleaf = number(element, "subleaf"),
        .reg = string(reading, element, "register", NULL),
        .want = number(element, "want"),
        .got = number(element, "got"),
        .kind = string(reading, element, "class", ""),
        .bits = bits,
        .bit_count = bit_count,
    };
}

static void read_set(struct reading *reading, struct json element, void *item)
{
    void *differences;
    size_t count = array(reading, element, sizeof(struct cpumodel_difference), read_difference, &differences);
    *(struct cpumodel_difference_set *)item =
        (struct cpumodel_difference_set){.differences = differences, .count = count};
}

static void read_vcpu(struct reading *reading, struct json element, void *item)
{
    uint32_t set;
    bool has_set = cpumodel_json_u32(cpumodel_json_member(element, "differenceSet"), &set) && set <= INT32_MAX;
    *(struct cpumodel_vcpu *)item = (struct cpumodel_vcpu){
        .index = number(element, "index"),
        .vcpu_id = number(element, "vcpuId"),
        .apic_id = number(element, "apicId"),
        .verdict = verdict(element),
        .stamp = string(reading, element, "stamp", ""),
        .difference_set = has_set ? (int)set : -1,
    };
}

static void read_feature(struct reading *reading, struct json element, void *item)
{
    *(struct cpumodel_feature *)item = (struct cpumodel_feature){
        .name = string(reading, element, "feature", ""),
        .reason = string(reading, element, "reason", ""),
    };
}

/// A vCPU must not name a set that is not there: callers index with it.
static void check_sets(struct cpumodel_vcpu *vcpus, const struct cpumodel_result *result)
{
    for (size_t i = 0; i < result->vcpu_count; i++)
        if (vcpus[i].difference_set >= 0 && (size_t)vcpus[i].difference_set >= result->difference_set_count)
            vcpus[i].difference_set = -1;
}

int cpumodel_result_read(const char *json, struct cpumodel_result **result)
{
    struct json object;
    *result = NULL;
    if (!json || !cpumodel_json_read(json, strlen(json), &object) || cpumodel_json_kind(object) != '{')
        return -EINVAL;
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return -ENOMEM;

    struct cpumodel_result *made = &reading->result;
    void *vcpus, *sets, *missing;
    struct json features = cpumodel_json_member(object, "dropped");
    if (!features.begin)
        features = cpumodel_json_member(object, "features");
    made->vm = string(reading, object, "vm", "");
    made->model = string(reading, object, "model", "");
    made->verdict = verdict(object);
    made->stamp = string(reading, object, "stamp", "");
    made->request_id = string(reading, object, "requestId", "");
    made->vcpu_count = array(
        reading, cpumodel_json_member(object, "vcpus"), sizeof(struct cpumodel_vcpu), read_vcpu, &vcpus);
    made->vcpus = vcpus;
    made->difference_set_count = array(
        reading, cpumodel_json_member(object, "differenceSets"), sizeof(struct cpumodel_difference_set), read_set,
        &sets);
    made->difference_sets = sets;
    made->missing_count = array(reading, features, sizeof(struct cpumodel_feature), read_feature, &missing);
    made->missing = missing;
    check_sets(vcpus, made);

    char *copy = room(reading, strlen(json) + 1, 1);
    if (copy)
        made->json = strcpy(copy, json);
    *result = made;
    if (!reading->failed)
        return 0;
    cpumodel_result_free(made);
    *result = NULL;
    return -ENOMEM;
}

void cpumodel_result_free(struct cpumodel_result *result)
{
    // A result is the first member of its reading.
    struct reading *reading = (struct reading *)result;
    if (!reading)
        return;
    for (struct block *block = reading->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(reading);
}

const char *cpumodel_verdict_name(enum cpumodel_verdict verdict)
{
    switch (verdict) {
    case CPUMODEL_EXACT:
        return "exact";
    case CPUMODEL_RUNTIME:
        return "runtime";
    case CPUMODEL_ALTERED:
        return "altered";
    case CPUMODEL_REFUSED:
        return "refused";
    case CPUMODEL_UNKNOWN:
        break;
    }
    return "unknown";
}
