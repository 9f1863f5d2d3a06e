// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

enum {
    CLINUX_SEAL_SEAL = 0x0001,
    CLINUX_SEAL_SHRINK = 0x0002,
    CLINUX_SEAL_GROW = 0x0004,
    CLINUX_SEAL_WRITE = 0x0008,
    CLINUX_SEAL_FUTURE_WRITE = 0x0010,
};

// A memory file of `size` zero bytes that can be sealed: close-on-exec, and never executable where the kernel can say
// so (Linux 6.3). `name` shows in /proc/<pid>/fd as "/memfd:<name>".
int clinux_memfd_create(const char *name, uint64_t size);

// Adds seals (CLINUX_SEAL_...), and asks for those in force.
int clinux_memfd_add_seals(int memory, uint32_t seals);
int clinux_memfd_get_seals(int memory);
