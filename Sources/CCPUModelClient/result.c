// SPDX-License-Identifier: Apache-2.0
//
// The result of vm.apply as structures.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpumodel.h"
#include "reading.h"

/// A result and all its memory.
struct result {
    struct cpumodel_result public;
    struct reading reading;
};

static enum cpumodel_verdict verdict(struct json value)
{
    for (int known = CPUMODEL_EXACT; known <= CPUMODEL_REFUSED; known++)
        if (cpumodel_json_is(value, cpumodel_verdict_name((enum cpumodel_verdict)known)))
            return (enum cpumodel_verdict)known;
    return CPUMODEL_UNKNOWN;
}

static void read_bit(struct reading *reading, struct json element, void *item)
{
    enum { BIT, FEATURE, COUNT };
    static const char *const names[COUNT] = {"bit", "feature"};
    struct json is[COUNT];
    cpumodel_json_members(element, names, is, COUNT);
    *(struct cpumodel_bit *)item = (struct cpumodel_bit){
        .bit = cpumodel_read_number(is[BIT]),
        .feature = cpumodel_read_string(reading, is[FEATURE], NULL),
    };
}

static void read_difference(struct reading *reading, struct json element, void *item)
{
    enum { LEAF, SUBLEAF, REGISTER, WANT, GOT, CLASS, BITS, COUNT };
    static const char *const names[COUNT] = {"leaf", "subleaf", "register", "want", "got", "class", "bits"};
    struct json is[COUNT];
    cpumodel_json_members(element, names, is, COUNT);
    void *bits;
    size_t bit_count = cpumodel_read_array(reading, is[BITS], sizeof(struct cpumodel_bit), read_bit, &bits);
    *(struct cpumodel_difference *)item = (struct cpumodel_difference){
        .leaf = cpumodel_read_number(is[LEAF]),
        .subleaf = cpumodel_read_number(is[SUBLEAF]),
        .reg = cpumodel_read_string(reading, is[REGISTER], NULL),
        .want = cpumodel_read_number(is[WANT]),
        .got = cpumodel_read_number(is[GOT]),
        .kind = cpumodel_read_string(reading, is[CLASS], ""),
        .bits = bits,
        .bit_count = bit_count,
    };
}

static void read_set(struct reading *reading, struct json element, void *item)
{
    void *differences;
    size_t count = cpumodel_read_array(
        reading, element, sizeof(struct cpumodel_difference), read_difference, &differences);
    *(struct cpumodel_difference_set *)item =
        (struct cpumodel_difference_set){.differences = differences, .count = count};
}

static void read_vcpu(struct reading *reading, struct json element, void *item)
{
    enum { INDEX, VCPU_ID, APIC_ID, VERDICT, STAMP, SET, COUNT };
    static const char *const names[COUNT] = {"index", "vcpuId", "apicId", "verdict", "stamp", "differenceSet"};
    struct json is[COUNT];
    cpumodel_json_members(element, names, is, COUNT);
    uint32_t set;
    bool has_set = cpumodel_json_u32(is[SET], &set) && set <= INT32_MAX;
    *(struct cpumodel_vcpu *)item = (struct cpumodel_vcpu){
        .index = cpumodel_read_number(is[INDEX]),
        .vcpu_id = cpumodel_read_number(is[VCPU_ID]),
        .apic_id = cpumodel_read_number(is[APIC_ID]),
        .verdict = verdict(is[VERDICT]),
        .stamp = cpumodel_read_string(reading, is[STAMP], ""),
        .difference_set = has_set ? (int)set : -1,
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
    struct result *all = calloc(1, sizeof *all);
    if (!all)
        return -ENOMEM;

    struct cpumodel_result *made = &all->public;
    struct reading *reading = &all->reading;
    void *vcpus, *sets;
    enum { VM, MODEL, VERDICT, STAMP, REQUEST_ID, VCPUS, SETS, DROPPED, FEATURES, COUNT };
    static const char *const names[COUNT] = {
        "vm", "model", "verdict", "stamp", "requestId", "vcpus", "differenceSets", "dropped", "features",
    };
    struct json is[COUNT];
    cpumodel_json_members(object, names, is, COUNT);
    made->vm = cpumodel_read_string(reading, is[VM], "");
    made->model = cpumodel_read_string(reading, is[MODEL], "");
    made->verdict = verdict(is[VERDICT]);
    made->stamp = cpumodel_read_string(reading, is[STAMP], "");
    made->request_id = cpumodel_read_string(reading, is[REQUEST_ID], "");
    made->vcpu_count = cpumodel_read_array(reading, is[VCPUS], sizeof(struct cpumodel_vcpu), read_vcpu, &vcpus);
    made->vcpus = vcpus;
    made->difference_set_count = cpumodel_read_array(
        reading, is[SETS], sizeof(struct cpumodel_difference_set), read_set, &sets);
    made->difference_sets = sets;
    made->missing_count = cpumodel_read_features(
        reading, is[DROPPED].begin ? is[DROPPED] : is[FEATURES], &made->missing);
    check_sets(vcpus, made);

    char *copy = cpumodel_read_room(reading, strlen(json) + 1, 1);
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
    // A result is the first member of all that belongs to it.
    struct result *all = (struct result *)result;
    if (!all)
        return;
    cpumodel_reading_free(&all->reading);
    free(all);
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
