// SPDX-License-Identifier: Apache-2.0
//
// table.compute as the structures that KVM takes.

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "error.h"
#include "guest.h"
#include "reading.h"

enum { MAX_ENTRIES = 256 };

/// Tables and all their memory.
struct tables {
    struct cpumodel_tables public;
    struct reading reading;
};

static void read_entry(struct json element, struct kvm_cpuid_entry2 *entry)
{
    enum { LEAF, SUBLEAF, EAX, EBX, ECX, EDX, COUNT };
    static const char *const names[COUNT] = {"leaf", "subleaf", "eax", "ebx", "ecx", "edx"};
    struct json is[COUNT];
    cpumodel_json_members(element, names, is, COUNT);
    entry->function = cpumodel_read_number(is[LEAF]);
    if (is[SUBLEAF].begin) {
        entry->index = cpumodel_read_number(is[SUBLEAF]);
        entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    }
    entry->eax = cpumodel_read_number(is[EAX]);
    entry->ebx = cpumodel_read_number(is[EBX]);
    entry->ecx = cpumodel_read_number(is[ECX]);
    entry->edx = cpumodel_read_number(is[EDX]);
}

/// A table, or NULL where the daemon sent none that KVM would take.
static const struct kvm_cpuid2 *read_table(struct reading *reading, struct json list)
{
    struct json key, element;
    size_t count = cpumodel_json_kind(list) == '[' ? cpumodel_json_count(list) : 0;
    if (count == 0 || count > MAX_ENTRIES)
        return NULL;
    struct kvm_cpuid2 *table =
        cpumodel_read_room(reading, 1, sizeof *table + count * sizeof(struct kvm_cpuid_entry2));
    if (!table)
        return NULL;
    table->nent = (uint32_t)count;
    struct kvm_cpuid_entry2 *entry = table->entries;
    for (const char *cursor = NULL; cpumodel_json_next(list, &cursor, &key, &element); entry++)
        read_entry(element, entry);
    return table;
}

static void read_vcpu_table(struct reading *reading, struct json element, void *item)
{
    *(struct cpumodel_table *)item = (struct cpumodel_table){
        .apic_id = cpumodel_read_number(cpumodel_json_member(element, "apicId")),
        .cpuid = read_table(reading, cpumodel_json_member(element, "cpuid")),
    };
}

/// An object from MSR number to value; NULL where it cannot be read.
static const struct kvm_msrs *read_msrs(struct reading *reading, struct json object)
{
    struct json key, value;
    size_t count = cpumodel_json_kind(object) == '{' ? cpumodel_json_count(object) : 0;
    struct kvm_msrs *msrs = cpumodel_read_room(reading, 1, sizeof *msrs + count * sizeof(struct kvm_msr_entry));
    if (!msrs)
        return NULL;
    for (const char *cursor = NULL; cpumodel_json_next(object, &cursor, &key, &value);) {
        struct kvm_msr_entry *entry = &msrs->entries[msrs->nmsrs++];
        uint64_t data;
        if (!cpumodel_json_u32(key, &entry->index) || !cpumodel_json_u64(value, &data))
            return NULL;
        entry->data = data;
    }
    return msrs;
}

static bool is_whole(const struct cpumodel_tables *tables, unsigned vcpu_count)
{
    for (size_t i = 0; i < tables->vcpu_count; i++)
        if (!tables->vcpus[i].cpuid)
            return false;
    return tables->vcpu_count == vcpu_count && tables->msrs;
}

/// Returns 0 or the code of `error`.
static int read_tables(
    const char *json, unsigned vcpu_count, struct cpumodel_tables **tables, struct cpumodel_error *error)
{
    struct json object;
    struct tables *all = calloc(1, sizeof *all);
    if (!all)
        return cpumodel_error_no_memory(error);
    struct cpumodel_tables *made = &all->public;
    struct reading *reading = &all->reading;
    void *vcpus;
    // It is part of a line that was read already.
    cpumodel_json_read(json, strlen(json), &object);
    enum { MODEL, STAMP, VCPUS, MSRS, DROPPED, COUNT };
    static const char *const names[COUNT] = {"model", "stamp", "vcpus", "featureMSRs", "dropped"};
    struct json is[COUNT];
    cpumodel_json_members(object, names, is, COUNT);
    made->model = cpumodel_read_string(reading, is[MODEL], "");
    made->stamp = cpumodel_read_string(reading, is[STAMP], "");
    made->vcpu_count = cpumodel_read_array(
        reading, is[VCPUS], sizeof(struct cpumodel_table), read_vcpu_table, &vcpus);
    made->vcpus = vcpus;
    made->msrs = read_msrs(reading, is[MSRS]);
    made->missing_count =
        cpumodel_read_features(reading, is[DROPPED], &made->missing);
    char *copy = cpumodel_read_room(reading, strlen(json) + 1, 1);
    if (copy)
        made->json = strcpy(copy, json);
    *tables = made;
    if (!reading->failed && is_whole(made, vcpu_count))
        return 0;
    int code = reading->failed ? cpumodel_error_no_memory(error)
                               : cpumodel_error_set(
                                     error, -EPROTO, "protocol", "the daemon's answer to table.compute has not all tables");
    cpumodel_tables_free(made);
    *tables = NULL;
    return code;
}

/// As vm.apply takes it: one socket, and a core a vCPU. With tables of the VMM's own, these tell.
static struct cpumodel_topology topology_of(const struct cpumodel_vm *vm)
{
    const struct cpumodel_topology *given = &vm->topology;
    bool is_given = given->sockets | given->dies | given->modules | given->cores | given->threads;
    return is_given || vm->base || vm->apic_ids ? *given : (struct cpumodel_topology){.cores = vm->vcpu_count};
}

int cpumodel_compute(
    struct cpumodel *connection, const struct cpumodel_vm *vm, struct cpumodel_tables **tables,
    struct cpumodel_error *error)
{
    *tables = NULL;
    int code = cpumodel_guest_check(vm, error);
    if (code < 0)
        return code;
    struct text params = {0};
    char *json = NULL;
    const struct cpumodel_topology topology = topology_of(vm);
    cpumodel_text_add(&params, "{", 1);
    cpumodel_guest_write(&params, vm, &topology);
    cpumodel_text_add(&params, "}", 1);
    code = cpumodel_request(
        connection, &(struct request){.method = "table.compute", .params = &params}, &json, error);
    cpumodel_text_free(&params);
    if (code == 0)
        code = read_tables(json, vm->vcpu_count, tables, error);
    free(json);
    return code;
}

void cpumodel_tables_free(struct cpumodel_tables *tables)
{
    // The first member of all that belongs to it.
    struct tables *all = (struct tables *)tables;
    if (!all)
        return;
    cpumodel_reading_free(&all->reading);
    free(all);
}
