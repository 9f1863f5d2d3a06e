// SPDX-License-Identifier: Apache-2.0
//
// How cpumodel-exec ends when it does not become the command: as env(1), nice(1) and their like do.

#ifndef STATUS_H
#define STATUS_H

enum status {
    /// Something failed here, or the daemon said no, before the command was started.
    STATUS_FAILED = 125,
    /// The command was found, and this door is not for it, or it cannot be run.
    STATUS_CANNOT_RUN = 126,
    /// There is no such command.
    STATUS_NOT_FOUND = 127,
};

#endif
