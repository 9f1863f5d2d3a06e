// SPDX-License-Identifier: Apache-2.0

#ifndef CKVM_IOCTL_H
#define CKVM_IOCTL_H

#include <errno.h>
#include <sys/ioctl.h>

/// ioctl(2) with the error in the value.
static inline int ckvm_ioctl(int fd, unsigned long request, void *argument)
{
    int value = ioctl(fd, request, argument);
    return value < 0 ? -errno : value;
}

/// The same for ioctls whose argument is a number.
static inline int ckvm_ioctl_number(int fd, unsigned long request, unsigned long argument)
{
    int value = ioctl(fd, request, argument);
    return value < 0 ? -errno : value;
}

#endif
