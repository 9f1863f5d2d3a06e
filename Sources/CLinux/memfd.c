// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

_Static_assert(CLINUX_SEAL_SEAL == F_SEAL_SEAL && CLINUX_SEAL_SHRINK == F_SEAL_SHRINK, "ABI values");
_Static_assert(CLINUX_SEAL_GROW == F_SEAL_GROW && CLINUX_SEAL_WRITE == F_SEAL_WRITE, "ABI values");
_Static_assert(CLINUX_SEAL_FUTURE_WRITE == F_SEAL_FUTURE_WRITE, "ABI values");

int clinux_memfd_create(const char *name, uint64_t size)
{
    int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    // Kernels before 6.3 refuse flags they do not know.
    if (memory < 0 && errno == EINVAL) {
        memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (memory < 0) {
        return -errno;
    }
    if (ftruncate(memory, (off_t)size) < 0) {
        int error = errno;

        close(memory);
        return -error;
    }
    return memory;
}

int clinux_memfd_add_seals(int memory, uint32_t seals)
{
    return fcntl(memory, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int clinux_memfd_get_seals(int memory)
{
    int seals = fcntl(memory, F_GET_SEALS);

    return seals < 0 ? -errno : seals;
}
