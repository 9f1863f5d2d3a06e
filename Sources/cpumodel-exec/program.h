// SPDX-License-Identifier: Apache-2.0
//
// Whether a library can be loaded into a program.

#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/// The path of a command as execvp(3) finds it. False, with errno, when there is none.
bool program_find(const char *command, char *path, size_t size);

/// Whether the dynamic loader will take a preloaded library into the program, or into the interpreter of the script.
/// False with a sentence in `reason` when it will not.
bool program_takes_preload(const char *path, char *reason, size_t size);

#endif
