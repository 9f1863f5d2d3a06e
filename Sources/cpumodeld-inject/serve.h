// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

/// Serves one connection, in a process of its own: what is still being traced when it ends is let go by the kernel.
void serve(int connection, bool try_filtered);
