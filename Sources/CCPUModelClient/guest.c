// SPDX-License-Identifier: Apache-2.0

#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base.h"
#include "error.h"
#include "json.h"

int cpumodel_guest_check(const struct cpumodel_vm *vm, struct cpumodel_error *error)
{
    if (!vm->model)
        return cpumodel_error_set(error, -EINVAL, "invalidArgument", "a VM needs a model");
    if (vm->vcpu_count == 0 || vm->vcpu_count > CPUMODEL_MAX_VCPUS)
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "a VM has 1 to %d vCPUs, not %u", CPUMODEL_MAX_VCPUS, vm->vcpu_count);
    struct json parameters;
    if (vm->parameters
        && (!cpumodel_json_read(vm->parameters, strlen(vm->parameters), &parameters)
            || cpumodel_json_kind(parameters) != '{'))
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "the further parameters of a VM are not one JSON object");
    for (unsigned i = 0; vm->base && i < vm->vcpu_count; i++)
        if (!cpumodel_base_fits(vm->base[i]))
            return cpumodel_error_set(
                error, -EINVAL, "invalidArgument", "the base of vCPU %u has more than 256 entries, or is missing", i);
    return 0;
}

static unsigned at_least_one(unsigned count)
{
    return count ? count : 1;
}

static void write_topology(struct text *params, const struct cpumodel_topology *t)
{
    if (!(t->sockets | t->dies | t->modules | t->cores | t->threads))
        return;
    cpumodel_text_format(
        params, ",\"topology\":{\"sockets\":%u,\"dies\":%u,\"modules\":%u,\"cores\":%u,\"threads\":%u}",
        at_least_one(t->sockets), at_least_one(t->dies), at_least_one(t->modules), at_least_one(t->cores),
        at_least_one(t->threads));
}

/// Words with commas between as an array of strings.
static void write_words(struct text *params, const char *name, const char *words)
{
    cpumodel_text_format(params, ",\"%s\":[", name);
    for (const char *word = words; *word;) {
        size_t length = strcspn(word, ",");
        char copy[32];
        // A longer word is unknown to every daemon, and cut short it still is.
        snprintf(copy, sizeof copy, "%.*s", (int)length, word);
        if (word != words)
            cpumodel_text_add(params, ",", 1);
        cpumodel_text_string(params, copy);
        word += length + (word[length] == ',');
    }
    cpumodel_text_add(params, "]", 1);
}

/// The members of an object that was checked, behind others.
static void write_members(struct text *params, const char *object)
{
    struct json members;
    if (!cpumodel_json_read(object, strlen(object), &members) || cpumodel_json_count(members) == 0)
        return;
    cpumodel_text_add(params, ",", 1);
    cpumodel_text_json(params, members.begin + 1, (size_t)(members.end - members.begin) - 2);
}

void cpumodel_guest_write(
    struct text *params, const struct cpumodel_vm *vm, const struct cpumodel_topology *topology)
{
    cpumodel_text_format(params, "\"model\":");
    cpumodel_text_string(params, vm->model);
    write_topology(params, topology);
    for (unsigned i = 0; vm->apic_ids && i < vm->vcpu_count; i++)
        cpumodel_text_format(params, i ? ",%u" : ",\"apicIds\":[%u", vm->apic_ids[i]);
    if (vm->apic_ids)
        cpumodel_text_add(params, "]", 1);
    if (vm->physical_address_bits)
        cpumodel_text_format(params, ",\"physicalAddressBits\":%u", vm->physical_address_bits);
    if (vm->drop_unavailable)
        cpumodel_text_format(params, ",\"unavailable\":\"drop\"");
    if (vm->base)
        cpumodel_base_write(params, vm->base, vm->vcpu_count);
    if (vm->keep)
        write_words(params, "keep", vm->keep);
    if (vm->parameters)
        write_members(params, vm->parameters);
}
