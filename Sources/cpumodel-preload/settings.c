// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "settings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct settings read_settings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/// A copy, since the program may change its environment; NULL for what is empty or not there.
static const char *copy(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? strdup(value) : NULL;
}

static bool is(const char *name, const char *word)
{
    const char *value = getenv(name);
    return value && strcmp(value, word) == 0;
}

static void read_environment(void)
{
    read_settings = (struct settings){
        .model = copy(SETTING_MODEL),
        .vm = copy(SETTING_VM),
        .keep = copy(SETTING_KEEP),
        .drop_unavailable = is(SETTING_UNAVAILABLE, "drop"),
        .accept_altered = is(SETTING_ALTERED, "accept"),
        .pass_without_daemon = is(SETTING_DAEMON_AWAY, "pass"),
    };
}

const struct settings *settings(void)
{
    pthread_once(&once, read_environment);
    return &read_settings;
}

__attribute__((constructor)) static void read_early(void)
{
    settings();
}
