// SPDX-License-Identifier: Apache-2.0
//
// Lines and descriptors over the socket: Protocol.md, "Framing" and "Descriptors".

#ifndef CPUMODEL_WIRE_H
#define CPUMODEL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpumodel.h"

/// A point in time, in milliseconds of CLOCK_MONOTONIC; negative: never.
typedef int64_t deadline;

deadline cpumodel_deadline(int milliseconds);

struct wire {
    /// Non-blocking; -1 once closed.
    int socket;
    /// Received bytes: those up to `consumed` were handed out as a line.
    char *buffer;
    size_t length, consumed, capacity;
    /// Received descriptors that no message has taken yet, oldest first.
    int *fds;
    size_t fd_count, fd_capacity;
};

/// Closes the socket and every descriptor in the queue, and frees the buffers.
void cpumodel_wire_close(struct wire *wire);

/// Sends a line, which ends in a line feed, with any number of descriptors. Returns 0 or the code of `error`.
int cpumodel_wire_send(
    struct wire *wire, const char *line, size_t length, const int *fds, size_t fd_count, deadline until,
    struct cpumodel_error *error);

/// The next line without its line feed, in the wire's own buffer until the next call. Returns 0 or the code of `error`.
int cpumodel_wire_receive(
    struct wire *wire, const char **line, size_t *length, deadline until, struct cpumodel_error *error);

/// Takes the `count` oldest descriptors out of the queue; they are the caller's then. False, and none is taken, when
/// there are fewer.
bool cpumodel_wire_take(struct wire *wire, int *fds, size_t count);

/// Whether descriptors are left over that belong to no line, complete or begun.
bool cpumodel_wire_has_stray_fds(const struct wire *wire);

#endif
