// SPDX-License-Identifier: Apache-2.0

#include "target.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "proc.h"

/// The process that a pidfd means; 0 when there is none, or the descriptor is another thing (pidfd_open(2)).
static pid_t process_of(int pidfd)
{
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int pid = 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pid: %d", &pid) == 1)
            break;
    fclose(file);
    return pid > 0 ? pid : 0;
}

bool target_open(struct target *target, int pidfd, struct reason *reason)
{
    *target = (struct target){.pidfd = pidfd, .pid = process_of(pidfd)};
    if (!target->pid || !target_is_alive(target))
        return refuse(reason, "the process has ended");
    if (target->pid == getpid() || target->pid == getppid() || target->pid == 1)
        return refuse(reason, "process %d is not one to stop", target->pid);
    uint64_t users[4];
    if (proc_status(target->pid, target->pid, "Uid", 10, users, 4) != 4)
        return refuse(reason, "/proc does not tell about process %d", target->pid);
    // Whoever talks to cpumodeld may be less than what a setuid program is.
    if (users[0] != users[1] || users[0] != users[2])
        return refuse(reason, "process %d has the rights of several users", target->pid);
    return target_is_alive(target) || refuse(reason, "the process has ended");
}

bool target_is_alive(const struct target *target)
{
    struct pollfd poller = {.fd = target->pidfd, .events = POLLIN};
    return poll(&poller, 1, 0) == 0;
}
