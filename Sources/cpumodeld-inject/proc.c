// SPDX-License-Identifier: Apache-2.0

#include "proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USER_WORKER = 0x4000 };

static FILE *open_of_thread(pid_t pid, pid_t tid, const char *file)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, file);
    return fopen(path, "re");
}

static int numbers(const char *text, int base, uint64_t *values, int capacity)
{
    int count = 0;
    while (count < capacity) {
        char *end;
        values[count] = strtoull(text, &end, base);
        if (end == text)
            break;
        text = end;
        count++;
    }
    return count;
}

int proc_status(pid_t pid, pid_t tid, const char *name, int base, uint64_t *values, int capacity)
{
    FILE *file = open_of_thread(pid, tid, "status");
    if (!file)
        return 0;
    char line[512];
    size_t length = strlen(name);
    int count = 0;
    while (count == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            count = numbers(line + length + 1, base, values, capacity);
    fclose(file);
    return count;
}

uint64_t proc_status_number(pid_t pid, pid_t tid, const char *name, int base, uint64_t missing)
{
    uint64_t value;
    return proc_status(pid, tid, name, base, &value, 1) ? value : missing;
}

bool proc_is_filtered(pid_t pid, pid_t tid)
{
    return proc_status_number(pid, tid, "Seccomp", 10, 1) != 0;
}

bool proc_is_user_worker(pid_t pid, pid_t tid)
{
    FILE *file = open_of_thread(pid, tid, "stat");
    if (!file)
        return false;
    char line[1024];
    unsigned flags = 0;
    // The name, in parentheses, may hold anything; the flags are the seventh field behind it.
    if (fgets(line, sizeof line, file)) {
        const char *behind = strrchr(line, ')');
        if (behind)
            sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %u", &flags);
    }
    fclose(file);
    return flags & USER_WORKER;
}

bool proc_vdso(pid_t pid, uint64_t *start, uint64_t *end)
{
    FILE *file = open_of_thread(pid, pid, "maps");
    if (!file)
        return false;
    char line[4352];
    bool is_found = false;
    while (!is_found && fgets(line, sizeof line, file))
        is_found = strstr(line, " [vdso]\n") && sscanf(line, "%" SCNx64 "-%" SCNx64, start, end) == 2;
    fclose(file);
    return is_found;
}
