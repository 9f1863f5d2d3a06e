// SPDX-License-Identifier: Apache-2.0

#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/// Finds libcpumodel-preload.so: beside this program, or in ../lib/cpumodeld. False with a sentence in `reason`.
bool library_find(char *path, size_t size, char *reason, size_t reason_size);

/// Puts it behind whatever is preloaded already, so that the others go on seeing what the VMM does.
bool library_preload(const char *path);

#endif
