// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "library.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "libcpumodel-preload.so";

static bool try(char *path, size_t size, const char *folder, const char *below)
{
    return (size_t)snprintf(path, size, "%s/%s%s", folder, below, name) < size && access(path, R_OK) == 0;
}

bool library_find(char *path, size_t size, char *reason, size_t reason_size)
{
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length > 0 ? length : 0] = 0;
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    if (!try(path, size, folder, "") && !try(path, size, folder, "../lib/cpumodeld/")) {
        snprintf(reason, reason_size, "%s is neither in %.200s nor in ../lib/cpumodeld", name, folder);
        return false;
    }
    if (strpbrk(path, ": ")) {
        snprintf(reason, reason_size, "%.300s: a path with a colon or a space cannot be preloaded", path);
        return false;
    }
    return true;
}

bool library_preload(const char *path)
{
    const char *others = getenv("LD_PRELOAD");
    if (!others || !*others)
        return setenv("LD_PRELOAD", path, 1) == 0;
    size_t size = strlen(others) + strlen(path) + 2;
    char *all = malloc(size);
    if (!all)
        return false;
    snprintf(all, size, "%s:%s", others, path);
    bool done = setenv("LD_PRELOAD", all, 1) == 0;
    free(all);
    return done;
}
