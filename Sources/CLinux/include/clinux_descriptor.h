// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// /proc/self/fd, to look descriptors up in; minus the errno where there is no /proc.
int clinux_descriptor_directory(void);

// Copies what <directory>/<descriptor> links to ("anon_inode:kvm-vcpu:0") into `buffer`, without a terminating zero;
// `directory` is what clinux_descriptor_directory returned. A negative one, for there may have been no descriptor left for
// it, costs the walk to it each time. Returns the length, or -ENAMETOOLONG when it does not fit.
// Asks nothing of the file's own filesystem, so it cannot block on one.
ssize_t clinux_descriptor_link(int directory, int descriptor, char *buffer, size_t capacity);

// A duplicate with close-on-exec set, so that one descriptor may be owned twice.
int clinux_descriptor_duplicate(int descriptor);

// Closes the descriptors `first` to `last`, both included.
int clinux_close_range(unsigned int first, unsigned int last);

// An eventfd with counter 0, close-on-exec and non-blocking.
int clinux_eventfd_create(void);

// Adds one to an eventfd, and reads it back to zero. Neither can fail in a way that matters: a counter that is full, or
// already zero, is in the state asked for.
void clinux_eventfd_raise(int event);
void clinux_eventfd_clear(int event);

// Fills `buffer` with `length` random bytes; 0, or minus the errno.
int clinux_random(void *buffer, size_t length);

// Writes as much as can be written without waiting, whether the descriptor is blocking or not: at most PIPE_BUF bytes, which a
// pipe or socket that poll(2) calls writable has room for. Returns how many bytes were taken, or minus the errno; -EAGAIN
// when none can be now.
ssize_t clinux_write_now(int descriptor, const void *bytes, size_t length);
