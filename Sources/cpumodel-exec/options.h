// SPDX-License-Identifier: Apache-2.0

#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

struct options {
    /// Path of the daemon's socket, or NULL.
    const char *socket;
    const char *model;
    /// Name of the VM, or NULL.
    const char *vm;
    /// What the VMM's tables keep, or NULL.
    const char *keep;
    bool drop_unavailable, accept_altered, pass_without_daemon;
    /// The program with its arguments, and a NULL at the end.
    char **command;
};

/// Reads the command line. Prints what is wrong, or the help that was asked for; then `*status` is how to end.
bool options_read(struct options *options, int argc, char **argv, int *status);

#endif
