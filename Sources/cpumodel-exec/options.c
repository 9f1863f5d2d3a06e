// SPDX-License-Identifier: Apache-2.0

#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cpumodel.h"
#include "status.h"

static const char usage[] =
    "Usage: cpumodel-exec --model EXPRESSION [OPTION]... [--] COMMAND [ARGUMENT]...\n"
    "Run a VMM that knows nothing of cpumodeld, and have its vCPUs given a CPU model.\n"
    "A small library that is loaded into it catches the tables that it sets; cpumodeld\n"
    "lays the model over them, and registers the VM.\n"
    "\n"
    "  --model EXPRESSION       such as EPYC-Milan-v2,-svm; or host, or max\n"
    "  --vm NAME                name of the VM [the program's name and process id]\n"
    "  --keep WORD,...          what stays as the VMM has it: topology, hypervisor, tsc,\n"
    "                           physicalAddressBits, caches, pmu [the first four]\n"
    "  --unavailable fail|drop  features that this host cannot give [fail]\n"
    "  --altered fail|accept    a table that KVM changed [fail]\n"
    "  --daemon-away fail|pass  fail, or warn and let the VMM have its own table, when\n"
    "                           cpumodeld cannot be asked [fail]\n"
    "  --socket PATH            cpumodeld's socket [$CPUMODELD_SOCKET or\n"
    "                           " CPUMODEL_DEFAULT_SOCKET "]\n"
    "\n"
    "Not for static programs, nor for those that run with other rights than the\n"
    "caller's (setuid, setgid, file capabilities): nothing can be loaded into them.\n"
    "\n"
    "Exit status: 125 this program or cpumodeld failed; 126 COMMAND cannot be run, or\n"
    "not through this door; 127 there is no COMMAND; else that of COMMAND.\n";

enum option_key { SOCKET = 1, MODEL, VM, KEEP, UNAVAILABLE, ALTERED, DAEMON_AWAY, HELP };

static const struct option known[] = {
    {"socket", required_argument, NULL, SOCKET},
    {"model", required_argument, NULL, MODEL},
    {"vm", required_argument, NULL, VM},
    {"keep", required_argument, NULL, KEEP},
    {"unavailable", required_argument, NULL, UNAVAILABLE},
    {"altered", required_argument, NULL, ALTERED},
    {"daemon-away", required_argument, NULL, DAEMON_AWAY},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool wrong(const char *text)
{
    fprintf(stderr, "cpumodel-exec: %s; see cpumodel-exec --help\n", text);
    return false;
}

/// One of two words: false is the first, true the second.
static bool read_choice(const char *option, const char *word, const char *first, const char *second, bool *choice)
{
    *choice = strcmp(word, second) == 0;
    if (*choice || strcmp(word, first) == 0)
        return true;
    char text[160];
    snprintf(text, sizeof text, "--%s '%.40s': expected %s or %s", option, word, first, second);
    return wrong(text);
}

static bool read_option(struct options *options, int key)
{
    switch (key) {
    case SOCKET: options->socket = optarg; return true;
    case MODEL: options->model = optarg; return true;
    case VM: options->vm = optarg; return true;
    case KEEP: options->keep = optarg; return true;
    case UNAVAILABLE: return read_choice("unavailable", optarg, "fail", "drop", &options->drop_unavailable);
    case ALTERED: return read_choice("altered", optarg, "fail", "accept", &options->accept_altered);
    case DAEMON_AWAY: return read_choice("daemon-away", optarg, "fail", "pass", &options->pass_without_daemon);
    default: return false;
    }
}

bool options_read(struct options *options, int argc, char **argv, int *status)
{
    *options = (struct options){0};
    *status = STATUS_FAILED;
    // The sign ends the options at the command's name, so that the command's own stay its own.
    for (int key; (key = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
        if (key == HELP) {
            fputs(usage, stdout);
            *status = 0;
            return false;
        }
        if (!read_option(options, key))
            return false;
    }
    if (!options->model || !*options->model)
        return wrong("--model is missing");
    if (!argv[optind])
        return wrong("there is no COMMAND");
    options->command = argv + optind;
    return true;
}
