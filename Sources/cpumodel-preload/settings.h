// SPDX-License-Identifier: Apache-2.0
//
// What cpumodel-exec was told, as it hands it on: in the environment, which reaches a VMM behind any number of scripts.

#ifndef PRELOAD_SETTINGS_H
#define PRELOAD_SETTINGS_H

#include <stdbool.h>

#define SETTING_MODEL "CPUMODEL_EXEC_MODEL"
#define SETTING_VM "CPUMODEL_EXEC_VM"
#define SETTING_KEEP "CPUMODEL_EXEC_KEEP"
#define SETTING_UNAVAILABLE "CPUMODEL_EXEC_UNAVAILABLE"
#define SETTING_ALTERED "CPUMODEL_EXEC_ALTERED"
#define SETTING_DAEMON_AWAY "CPUMODEL_EXEC_DAEMON_AWAY"

struct settings {
    /// Model expression; NULL where nobody asks for one, and everything passes.
    const char *model;
    /// Name of the VM; NULL for one made of the program's name and process id.
    const char *vm;
    /// What the VMM's tables keep; NULL for the usual.
    const char *keep;
    bool drop_unavailable;
    bool accept_altered;
    /// Let the VMM have its own table when the daemon cannot be asked.
    bool pass_without_daemon;
};

/// Reads the environment as it is at the first call.
const struct settings *settings(void);

#endif
