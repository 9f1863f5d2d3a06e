// SPDX-License-Identifier: Apache-2.0

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "misbehave.h"

static const char usage[] =
    "Usage: cpumodel-launch [OPTION]...\n"
    "Make a KVM virtual machine, have cpumodeld give its vCPUs a CPU model, and let a\n"
    "guest of a few bytes report what CPUID tells it.\n"
    "\n"
    "  --socket PATH            cpumodeld's socket [$CPUMODELD_SOCKET or\n"
    "                           " CPUMODEL_DEFAULT_SOCKET "]\n"
    "  --name NAME              name of the VM [launch-PID]\n"
    "  --model EXPRESSION       such as EPYC-Milan-v2,-svm; or host, or max [host]\n"
    "  --first-of A,B,...       the first of these models that can be applied\n"
    "  --vcpus N                number of vCPUs [1, or what the topology holds]\n"
    "  --topology S:D:M:C:T     sockets, dies, modules, cores, threads\n"
    "  --unavailable fail|drop  features that this host cannot give [fail]\n"
    "  --altered fail|accept    a table that KVM changed [fail]\n"
    "  --parameters JSON        further parameters of vm.apply, which Protocol.md lists,\n"
    "                           such as '{\"tscKHz\":2900000,\"caches\":\"host\"}'\n"
    "  --replace                take the name over from another VM of this user\n"
    "  --run, --no-run          run the guest, or do not [--run]\n"
    "  --guest look|toggle|ask  what the guest does; see below [look]\n"
    "  --agent                  let cpumodeld read the vCPUs as long as the VM lives\n"
    "  --hold SECONDS           keep the VM that long before ending [0]\n"
    "  --timeout SECONDS        longest wait for cpumodeld [30]\n"
    "  --json                   print JSON objects, a line each, instead of text\n"
    "  --misbehave MODE         be a bad client, for tests of the daemon\n"
    "\n"
    "A guest that looks executes CPUID for every leaf of its table. One that toggles\n"
    "then changes by its own instructions what CPUID follows, as far as its model has\n"
    "it, and reports leaves 1, 7 and 0xD after each step. One that is asked does so a\n"
    "line of standard input at a time, until its end or 'quit', and is not in KVM_RUN\n"
    "in between: step (the next of the steps), look, osxsave on|off (CR4), pke on|off\n"
    "(CR4), xcr0 VALUE, xcr0 model (XSETBV), apic on|off (IA32_APIC_BASE).\n"
    "\n"
    "Exit status: 0 applied; 1 cpumodeld refused; 2 usage; 3 cpumodeld, the\n"
    "connection or KVM failed; 4 the guest saw another table than KVM reports;\n"
    "5 applied, but the guest could not run.\n";

enum option_key {
    SOCKET = 1,
    NAME,
    MODEL,
    FIRST_OF,
    VCPUS,
    TOPOLOGY,
    UNAVAILABLE,
    ALTERED,
    PARAMETERS,
    REPLACE,
    RUN,
    NO_RUN,
    GUEST,
    AGENT,
    HOLD,
    TIMEOUT,
    JSON,
    MISBEHAVE,
    HELP,
};

static const struct option known[] = {
    {"socket", required_argument, NULL, SOCKET},
    {"name", required_argument, NULL, NAME},
    {"model", required_argument, NULL, MODEL},
    {"first-of", required_argument, NULL, FIRST_OF},
    {"vcpus", required_argument, NULL, VCPUS},
    {"topology", required_argument, NULL, TOPOLOGY},
    {"unavailable", required_argument, NULL, UNAVAILABLE},
    {"altered", required_argument, NULL, ALTERED},
    {"parameters", required_argument, NULL, PARAMETERS},
    {"replace", no_argument, NULL, REPLACE},
    {"run", no_argument, NULL, RUN},
    {"no-run", no_argument, NULL, NO_RUN},
    {"guest", required_argument, NULL, GUEST},
    {"agent", no_argument, NULL, AGENT},
    {"hold", required_argument, NULL, HOLD},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"json", no_argument, NULL, JSON},
    {"misbehave", required_argument, NULL, MISBEHAVE},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "cpumodel-launch: --%s '%s': expected %s\n", option, value, expected);
    return false;
}

/// A whole number up to `most`, up to the end or to a colon; `*end` is left there.
static bool read_number(const char *text, unsigned long most, unsigned *number, const char **end)
{
    char *behind;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long value = strtoul(text, &behind, 10);
    *number = (unsigned)value;
    *end = behind;
    return errno == 0 && value <= most;
}

static bool read_count(const char *option, const char *text, unsigned least, unsigned most, unsigned *number)
{
    const char *end;
    if (read_number(text, most, number, &end) && *end == 0 && *number >= least)
        return true;
    char expected[64];
    snprintf(expected, sizeof expected, "a number from %u to %u", least, most);
    return wrong(option, text, expected);
}

static bool read_topology(const char *text, struct cpumodel_topology *topology)
{
    unsigned *const counts[] = {
        &topology->sockets, &topology->dies, &topology->modules, &topology->cores, &topology->threads};
    const char *at = text;
    for (int i = 0; i < 5; i++) {
        if (!read_number(at, CPUMODEL_MAX_VCPUS, counts[i], &at) || *counts[i] == 0 || *at != (i < 4 ? ':' : 0))
            return wrong("topology", text, "SOCKETS:DIES:MODULES:CORES:THREADS, each at least 1");
        at++;
    }
    return true;
}

/// Splits a list of models. A piece that begins with a sign belongs to the expression before it, so
/// `EPYC-Milan,-svm,EPYC-Rome` is two.
static bool split_models(struct options *options, char *list)
{
    options->model_count = 0;
    for (char *start = list, *at = list;; at++) {
        if (*at && (*at != ',' || at[1] == '+' || at[1] == '-'))
            continue;
        if (at == start || options->model_count == MAX_MODELS)
            return wrong("first-of", list, "up to 64 models with commas between them");
        options->models[options->model_count++] = start;
        if (!*at)
            return true;
        *at = 0;
        start = at + 1;
    }
}

static bool read_choice(const char *option, const char *text, const char *no, const char *yes, bool *chosen)
{
    *chosen = !strcmp(text, yes);
    if (*chosen || !strcmp(text, no))
        return true;
    char expected[64];
    snprintf(expected, sizeof expected, "'%s' or '%s'", no, yes);
    return wrong(option, text, expected);
}

static bool read_guest(const char *text, enum guest_kind *kind)
{
    static const char *const names[] = {[GUEST_LOOKS] = "look", [GUEST_TOGGLES] = "toggle", [GUEST_IS_ASKED] = "ask"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        *kind = (enum guest_kind)i;
        if (!strcmp(text, names[i]))
            return true;
    }
    return wrong("guest", text, "'look', 'toggle' or 'ask'");
}

static bool read_name(struct options *options, const char *name)
{
    if (strlen(name) >= sizeof options->name)
        return wrong("name", name, "at most 64 characters");
    strcpy(options->name, name);
    return true;
}

static bool read_option(struct options *options, enum option_key key, char *value)
{
    unsigned seconds;
    switch (key) {
    case SOCKET:
        options->socket = value;
        return true;
    case NAME:
        return read_name(options, value);
    case MODEL:
        options->models[0] = value;
        options->model_count = 1;
        return true;
    case FIRST_OF:
        return split_models(options, value);
    case VCPUS:
        return read_count("vcpus", value, 1, CPUMODEL_MAX_VCPUS, &options->vcpus);
    case TOPOLOGY:
        return read_topology(value, &options->topology);
    case UNAVAILABLE:
        return read_choice("unavailable", value, "fail", "drop", &options->drop_unavailable);
    case ALTERED:
        return read_choice("altered", value, "fail", "accept", &options->accept_altered);
    case PARAMETERS:
        options->parameters = value;
        return true;
    case REPLACE:
        options->replace = true;
        return true;
    case RUN:
    case NO_RUN:
        options->run = key == RUN;
        return true;
    case GUEST:
        return read_guest(value, &options->guest);
    case AGENT:
        options->agent = true;
        return true;
    case HOLD:
        return read_count("hold", value, 0, 86400, &options->hold_seconds);
    case TIMEOUT:
        if (!read_count("timeout", value, 1, 86400, &seconds))
            return false;
        options->timeout_seconds = (int)seconds;
        return true;
    case JSON:
        options->json = true;
        return true;
    case MISBEHAVE:
        options->misbehave = value;
        return misbehave_find(value) || wrong("misbehave", value, "one of the modes that --help lists");
    case HELP:
        fputs(usage, stdout);
        fputs("\nModes of --misbehave:", stdout);
        misbehave_list(stdout, "\n  ");
        putchar('\n');
        exit(0);
    }
    return false;
}

bool options_read(struct options *options, int argc, char **argv)
{
    static char host[] = "host";
    *options = (struct options){.models = {host}, .model_count = 1, .run = true, .timeout_seconds = 30};
    snprintf(options->name, sizeof options->name, "launch-%ld", (long)getpid());
    for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (key == '?' || !read_option(options, (enum option_key)key, optarg))
            return false;
    if (optind < argc) {
        fprintf(stderr, "cpumodel-launch: '%s' is not an option; see --help\n", argv[optind]);
        return false;
    }
    const struct cpumodel_topology *t = &options->topology;
    if (t->sockets) {
        unsigned long long all = 1ULL * t->sockets * t->dies * t->modules;
        if (all <= CPUMODEL_MAX_VCPUS)
            all *= 1ULL * t->cores * t->threads;
        if (all > CPUMODEL_MAX_VCPUS) {
            fprintf(stderr, "cpumodel-launch: the topology has more than %d vCPUs\n", CPUMODEL_MAX_VCPUS);
            return false;
        }
        if (!options->vcpus)
            options->vcpus = (unsigned)all;
    } else if (!options->vcpus) {
        options->vcpus = 1;
    }
    return true;
}
