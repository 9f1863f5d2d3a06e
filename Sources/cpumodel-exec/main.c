// SPDX-License-Identifier: Apache-2.0
//
// cpumodel-exec: runs a VMM that nobody changed, and has its vCPUs given a CPU model (see ../cpumodel-preload).

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cpumodel-preload/settings.h"
#include "library.h"
#include "model.h"
#include "options.h"
#include "program.h"
#include "status.h"

static enum status fail(enum status status, const char *text)
{
    fprintf(stderr, "cpumodel-exec: %s\n", text);
    return status;
}

/// Sets a variable, or takes one away that another cpumodel-exec has left.
static bool set(const char *name, const char *value)
{
    return value ? setenv(name, value, 1) == 0 : unsetenv(name) == 0;
}

static bool set_environment(const struct options *options, const char *library)
{
    return set(SETTING_MODEL, options->model) && set(SETTING_VM, options->vm) && set(SETTING_KEEP, options->keep)
        && set(SETTING_UNAVAILABLE, options->drop_unavailable ? "drop" : "fail")
        && set(SETTING_ALTERED, options->accept_altered ? "accept" : "fail")
        && set(SETTING_DAEMON_AWAY, options->pass_without_daemon ? "pass" : "fail")
        && (!options->socket || set("CPUMODELD_SOCKET", options->socket)) && library_preload(library);
}

int main(int argc, char **argv)
{
    struct options options;
    int status;
    char program[PATH_MAX], library[PATH_MAX], reason[PATH_MAX + 512];
    if (!options_read(&options, argc, argv, &status))
        return status;
    if (!program_find(options.command[0], program, sizeof program)) {
        snprintf(reason, sizeof reason, "%s: %s", options.command[0], strerror(errno));
        return fail(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN, reason);
    }
    if (!program_takes_preload(program, reason, sizeof reason))
        return fail(STATUS_CANNOT_RUN, reason);
    if (!library_find(library, sizeof library, reason, sizeof reason))
        return fail(STATUS_FAILED, reason);
    if (!model_is_fit(&options, reason, sizeof reason))
        return fail(STATUS_FAILED, reason);
    if (!set_environment(&options, library))
        return fail(STATUS_FAILED, strerror(errno));
    execv(program, options.command);
    snprintf(reason, sizeof reason, "%s: %s", program, strerror(errno));
    return fail(STATUS_CANNOT_RUN, reason);
}
