// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <asm/prctl.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpumodel.h"

// Linux 5.17; the headers of older distributions do not have it.
#ifndef ARCH_REQ_XCOMP_GUEST_PERM
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025
#endif

enum { XTILEDATA = 18 };

int cpumodel_request_tile_data(void)
{
    // glibc has no function for it.
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, XTILEDATA) < 0 ? -errno : 0;
}
