// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_OPTIONS_H
#define LAUNCH_OPTIONS_H

#include <cpumodel.h>
#include <stdbool.h>

enum { MAX_MODELS = 64 };

/// What the guest is to do.
enum guest_kind {
    GUEST_LOOKS,     ///< executes CPUID for every leaf, and no more
    GUEST_TOGGLES,   ///< then changes what CPUID follows at run time, step by step
    GUEST_IS_ASKED,  ///< the same, a step for each command from standard input
};

/// The command line.
struct options {
    const char *socket;
    char name[65];
    /// Model expressions, to be tried in this order.
    char *models[MAX_MODELS];
    unsigned model_count;
    unsigned vcpus;
    struct cpumodel_topology topology;
    bool drop_unavailable, accept_altered, replace;
    bool run, json, agent;
    enum guest_kind guest;
    unsigned hold_seconds;
    int timeout_seconds;
    const char *misbehave;
    /// JSON text; NULL for none.
    const char *parameters;
};

/// Reads the command line. Returns false, after saying why on stderr, when it makes no sense; ends the program for
/// `--help`.
bool options_read(struct options *options, int argc, char **argv);

#endif
