// SPDX-License-Identifier: Apache-2.0

#ifndef PRELOAD_NEXT_H
#define PRELOAD_NEXT_H

/// The ioctl behind this library's: that of another preloaded library, or libc's.
int next_ioctl(int fd, unsigned long request, void *argument);

#endif
