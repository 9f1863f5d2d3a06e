// SPDX-License-Identifier: Apache-2.0

#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// ---- What was applied -----------------------------------------------------------------------------------------------

/// A letter a set, then two: A, B, ... Z, AA, AB, ...
static const char *set_name(int set, char name[16])
{
    char *at = name + 15;
    *at = 0;
    for (int rest = set + 1; rest > 0; rest = (rest - 1) / 26)
        *--at = (char)('A' + (rest - 1) % 26);
    return at;
}

static bool alike(const struct cpumodel_vcpu *a, const struct cpumodel_vcpu *b)
{
    return a->verdict == b->verdict && a->difference_set == b->difference_set && !strcmp(a->stamp, b->stamp);
}

static bool seen_before(const struct cpumodel_result *result, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (alike(&result->vcpus[i], &result->vcpus[index]))
            return true;
    return false;
}

/// The vCPUs that are like the one at `first`, as ranges: `0-3,6`.
static void print_range(const struct cpumodel_result *result, size_t first)
{
    const char *comma = "";
    for (size_t i = first; i < result->vcpu_count; i++) {
        if (!alike(&result->vcpus[i], &result->vcpus[first]))
            continue;
        size_t last = i;
        while (last + 1 < result->vcpu_count && alike(&result->vcpus[last + 1], &result->vcpus[first]))
            last++;
        printf(last == i ? "%s%zu" : "%s%zu-%zu", comma, i, last);
        comma = ",";
        i = last;
    }
}

static void print_vcpus(const struct cpumodel_result *result)
{
    for (size_t i = 0; i < result->vcpu_count; i++) {
        const struct cpumodel_vcpu *vcpu = &result->vcpus[i];
        char name[16];
        if (seen_before(result, i))
            continue;
        printf("vCPU ");
        print_range(result, i);
        printf(": %s", cpumodel_verdict_name(vcpu->verdict));
        if (*vcpu->stamp)
            printf(", stamp %s", vcpu->stamp);
        if (vcpu->difference_set >= 0)
            printf(", differences %s", set_name(vcpu->difference_set, name));
        putchar('\n');
    }
}

/// Adds a word to a list that fills lines of at most 80 columns; `column` is where the line stands.
static void print_item(int *column, const char *indent, const char *word)
{
    if (*column > 0 && *column + 2 + (int)strlen(word) < 80)
        *column += printf(", %s", word);
    else
        *column = printf("%s%s%s", *column ? ",\n" : "", indent, word);
}

static void end_items(int column)
{
    if (column)
        putchar('\n');
}

/// The bits of a difference, each with what became of it: `+9 ssse3`.
static void print_bits(const struct cpumodel_difference *difference)
{
    int column = 0;
    for (size_t i = 0; i < difference->bit_count; i++) {
        const struct cpumodel_bit *bit = &difference->bits[i];
        char words[64];
        char sign = bit->bit < 32 && difference->got >> bit->bit & 1 ? '+' : '-';
        snprintf(
            words, sizeof words, "%c%u%s%.48s", sign, bit->bit, bit->feature ? " " : "",
            bit->feature ? bit->feature : "");
        print_item(&column, "    ", words);
    }
    end_items(column);
}

static void print_difference(const struct cpumodel_difference *difference)
{
    printf("  0x%08x.%u", difference->leaf, difference->subleaf);
    if (difference->reg)
        printf(" %s: asked 0x%08x, KVM has 0x%08x", difference->reg, difference->want, difference->got);
    printf(", %s\n", difference->kind);
    print_bits(difference);
}

static void print_sets(const struct cpumodel_result *result)
{
    for (size_t i = 0; i < result->difference_set_count; i++) {
        char name[16];
        printf("Differences %s:\n", set_name((int)i, name));
        for (size_t k = 0; k < result->difference_sets[i].count; k++)
            print_difference(&result->difference_sets[i].differences[k]);
    }
}

static bool reason_seen_before(const struct cpumodel_result *result, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (!strcmp(result->missing[i].reason, result->missing[index].reason))
            return true;
    return false;
}

/// What the guest does not get, each reason once.
static void print_missing(const struct cpumodel_result *result)
{
    for (size_t i = 0; i < result->missing_count; i++) {
        const char *reason = result->missing[i].reason;
        if (reason_seen_before(result, i))
            continue;
        printf("Not given, as %s:\n", reason);
        int column = 0;
        for (size_t k = i; k < result->missing_count; k++)
            if (!strcmp(result->missing[k].reason, reason))
                print_item(&column, "    ", result->missing[k].name);
        end_items(column);
    }
}

void report_applied(const struct cpumodel_result *result)
{
    printf(
        "%s: %s on %zu vCPU%s, %s\n", result->vm, result->model, result->vcpu_count,
        result->vcpu_count == 1 ? "" : "s", cpumodel_verdict_name(result->verdict));
    print_vcpus(result);
    print_sets(result);
    print_missing(result);
}

void report_failed(const char *model, const struct cpumodel_error *error)
{
    printf("%s: not applied: %s (%s, %d)\n", model, error->message, error->kind, error->code);
    struct cpumodel_result *details;
    if (cpumodel_result_read(error->data, &details) < 0)
        return;
    print_vcpus(details);
    print_sets(details);
    print_missing(details);
    cpumodel_result_free(details);
}

// ---- What the guest saw ---------------------------------------------------------------------------------------------

static void print_surprises(const struct sighting *sighting)
{
    for (unsigned i = 0; i < sighting->surprise_count; i++) {
        const struct surprise *surprise = &sighting->surprises[i];
        printf(
            "  0x%08x.%u %s: table 0x%08x, guest saw 0x%08x%s%s\n", surprise->leaf, surprise->subleaf, surprise->reg,
            surprise->table, surprise->guest, surprise->rule ? ": " : "", surprise->rule ? surprise->rule : "");
    }
}

void report_guest(const struct sighting *sighting)
{
    if (*sighting->failure) {
        printf(
            "guest: cannot run in %s mode on this host, after %u answers: %s\n", sighting->mode, sighting->asked,
            sighting->failure);
        return;
    }
    printf("guest: %u CPUID answers in %s mode, ", sighting->asked, sighting->mode);
    if (sighting->surprise_count == 0)
        printf("all as KVM's table says\n");
    else
        printf("%u registers not as KVM's table says\n", sighting->surprise_count);
    print_surprises(sighting);
}

void report_standing(const struct standing *standing)
{
    if (*standing->failure) {
        printf("guest: %s: %s\n", standing->step, standing->failure);
        return;
    }
    printf(
        "guest: %s: CR4 0x%" PRIx64 ", XCR0 0x%" PRIx64 ", APIC base 0x%" PRIx64 "\n", standing->step, standing->cr4,
        standing->xcr0, standing->apic_base);
    for (int i = 0; i < TOGGLE_LEAVES; i++) {
        const struct registers *seen = &standing->leaves[i].guest;
        printf(
            "  0x%08x.%u eax 0x%08x ebx 0x%08x ecx 0x%08x edx 0x%08x\n", standing->leaves[i].leaf,
            standing->leaves[i].subleaf, seen->eax, seen->ebx, seen->ecx, seen->edx);
    }
    if (standing->note)
        printf("  %s\n", standing->note);
    print_surprises(&standing->sighting);
}

// ---- JSON -----------------------------------------------------------------------------------------------------------

static void print_string(const char *string)
{
    putchar('"');
    for (const unsigned char *at = (const unsigned char *)string; *at; at++) {
        if (*at < 0x20 || *at == '"' || *at == '\\')
            printf("\\u%04x", *at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void print_error(const struct cpumodel_error *error)
{
    printf(",\"error\":{\"code\":%d,\"kind\":", error->code);
    print_string(error->kind);
    printf(",\"message\":");
    print_string(error->message);
    printf(",\"data\":%s}", error->data ? error->data : "null");
}

static void print_string_or_null(const char *string)
{
    if (string && *string)
        print_string(string);
    else
        printf("null");
}

static void print_surprise_list(const struct sighting *sighting)
{
    printf("[");
    for (unsigned i = 0; i < sighting->surprise_count; i++) {
        const struct surprise *surprise = &sighting->surprises[i];
        printf(
            "%s{\"leaf\":\"0x%08x\",\"subleaf\":\"0x%x\",\"register\":\"%s\",\"table\":\"0x%08x\","
            "\"guest\":\"0x%08x\",\"rule\":",
            i ? "," : "", surprise->leaf, surprise->subleaf, surprise->reg, surprise->table, surprise->guest);
        print_string_or_null(surprise->rule);
        putchar('}');
    }
    printf("]");
}

static void print_sighting(const struct sighting *sighting)
{
    printf(",\"guest\":{\"mode\":\"%s\",\"answers\":%u,\"failure\":", sighting->mode, sighting->asked);
    print_string_or_null(sighting->failure);
    printf(",\"surprises\":");
    print_surprise_list(sighting);
    putchar('}');
}

static void print_registers(const char *name, const struct registers *registers)
{
    printf(
        ",\"%s\":{\"eax\":\"0x%08x\",\"ebx\":\"0x%08x\",\"ecx\":\"0x%08x\",\"edx\":\"0x%08x\"}", name,
        registers->eax, registers->ebx, registers->ecx, registers->edx);
}

void report_json(
    const char *name, const struct cpumodel_result *result, const struct cpumodel_error *error,
    const struct sighting *sighting, int status)
{
    printf("{\"name\":");
    print_string(name);
    printf(",\"status\":%d", status);
    if (result)
        printf(",\"result\":%s", result->json);
    if (error)
        print_error(error);
    if (sighting)
        print_sighting(sighting);
    printf("}\n");
}

void report_standing_json(const struct standing *standing)
{
    printf("{\"step\":");
    print_string(standing->step);
    printf(",\"failure\":");
    print_string_or_null(standing->failure);
    printf(",\"note\":");
    print_string_or_null(standing->note);
    printf(
        ",\"cr4\":\"0x%" PRIx64 "\",\"xcr0\":\"0x%" PRIx64 "\",\"apicBase\":\"0x%" PRIx64 "\",\"cpuid\":[",
        standing->cr4, standing->xcr0, standing->apic_base);
    for (int i = 0; i < TOGGLE_LEAVES; i++) {
        printf(
            "%s{\"leaf\":\"0x%08x\",\"subleaf\":\"0x%x\",\"present\":%s", i ? "," : "", standing->leaves[i].leaf,
            standing->leaves[i].subleaf, standing->leaves[i].present ? "true" : "false");
        print_registers("guest", &standing->leaves[i].guest);
        print_registers("table", &standing->leaves[i].table);
        putchar('}');
    }
    printf("],\"surprises\":");
    print_surprise_list(&standing->sighting);
    printf("}\n");
}
