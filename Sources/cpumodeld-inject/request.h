// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cinject.h"
#include "reason.h"

/// What the daemon asks for, with the descriptors that came: pidfd, job, vCPUs.
struct injection_request {
    struct cinject_request head;
    int *fds;
    size_t fd_count;
};

/// Receives a request. Its descriptors go with this process.
bool request_receive(struct injection_request *request, int connection, struct reason *reason);
