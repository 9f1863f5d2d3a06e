// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image.h"

/// The kernel's own limit of scripts that name scripts.
enum { MAX_SCRIPTS = 5 };

// ---- Finding --------------------------------------------------------------------------------------------------------

static bool is_program(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = EACCES;
        return false;
    }
    return access(path, X_OK) == 0;
}

bool program_find(const char *command, char *path, size_t size)
{
    if (strchr(command, '/')) {
        if ((size_t)snprintf(path, size, "%s", command) >= size) {
            errno = ENAMETOOLONG;
            return false;
        }
        return is_program(path);
    }
    const char *folders = getenv("PATH");
    int error = ENOENT;
    for (const char *folder = folders ? folders : "/bin:/usr/bin"; *command && folder; ) {
        size_t length = strcspn(folder, ":");
        int written = snprintf(path, size, "%.*s%s%s", (int)length, folder, length ? "/" : "", command);
        if (written > 0 && (size_t)written < size) {
            if (is_program(path))
                return true;
            if (errno != ENOENT && errno != ENOTDIR)
                error = errno;
        }
        folder = folder[length] ? folder + length + 1 : NULL;
    }
    errno = error;
    return false;
}

// ---- Judging --------------------------------------------------------------------------------------------------------

/// In a program with other rights than its caller's the loader ignores preloaded libraries (ld.so(8), "Secure-execution
/// mode"). `file` says which rights.
static bool has_other_rights(int file, char *reason, size_t size)
{
    struct stat status;
    if (fstat(file, &status) < 0)
        return false;
    if (status.st_mode & S_ISUID && status.st_uid != getuid()) {
        snprintf(reason, size, "is setuid: it runs as user %u", (unsigned)status.st_uid);
        return true;
    }
    if (status.st_mode & S_ISGID && status.st_mode & S_IXGRP && status.st_gid != getgid()) {
        snprintf(reason, size, "is setgid: it runs as group %u", (unsigned)status.st_gid);
        return true;
    }
    if (getuid() != 0 && fgetxattr(file, "security.capability", NULL, 0) > 0) {
        snprintf(reason, size, "has file capabilities");
        return true;
    }
    return false;
}

/// The dynamic loader of this very program, which is the one that the library was built for.
static bool is_own_loader(const char *interpreter)
{
    char own[PATH_MAX], own_path[PATH_MAX], path[PATH_MAX];
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool known = self >= 0 && image_read(self, own, sizeof own) == IMAGE_DYNAMIC;
    if (self >= 0)
        close(self);
    return !known || (realpath(own, own_path) && realpath(interpreter, path) && strcmp(own_path, path) == 0);
}

/// The interpreter that a script names in its first line; false when it is no script.
static bool read_script(int file, char *interpreter, size_t size)
{
    char line[256];
    ssize_t length = pread(file, line, sizeof line - 1, 0);
    if (length < 2 || memcmp(line, "#!", 2) != 0)
        return false;
    line[length] = 0;
    char *start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t\r\n")] = 0;
    return (size_t)snprintf(interpreter, size, "%s", start) < size && *interpreter;
}

static bool takes_preload(const char *path, int scripts, char *reason, size_t size)
{
    char interpreter[PATH_MAX], why[200] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        // It may be run without being read. Then nobody can say what it is, and the loader must decide.
        return true;
    enum image image = image_read(file, interpreter, sizeof interpreter);
    bool is_script = image == IMAGE_OTHER && read_script(file, interpreter, sizeof interpreter);
    bool other_rights = !is_script && has_other_rights(file, why, sizeof why);
    close(file);
    if (is_script && scripts < MAX_SCRIPTS)
        return takes_preload(interpreter, scripts + 1, reason, size);
    if (image == IMAGE_STATIC)
        snprintf(why, sizeof why, "is linked statically");
    else if (image == IMAGE_FOREIGN)
        snprintf(why, sizeof why, "is not a program for x86-64");
    else if (image == IMAGE_DYNAMIC && !other_rights && !is_own_loader(interpreter))
        snprintf(why, sizeof why, "uses another C library (%.100s)", interpreter);
    if (!*why)
        return true;
    snprintf(
        reason, size,
        "%s %s, and nothing can be loaded into it. This door is not for it: have the VMM use libcpumodel, or let the "
        "administrator enable cpumodeld-inject.",
        path, why);
    return false;
}

bool program_takes_preload(const char *path, char *reason, size_t size)
{
    return takes_preload(path, 0, reason, size);
}
