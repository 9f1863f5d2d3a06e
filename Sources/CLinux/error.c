// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_error.h"

#include <string.h>

const char *clinux_errno_name(int error)
{
    return strerrorname_np(error);
}

const char *clinux_errno_text(int error)
{
    return strerrordesc_np(error);
}
