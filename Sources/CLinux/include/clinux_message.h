// SPDX-License-Identifier: Apache-2.0
//
// Bytes and file descriptors over a Unix stream socket (unix(7), SCM_RIGHTS).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Linux carries at most this many descriptors in one sendmsg (SCM_MAX_FD).
enum { CLINUX_MAX_DESCRIPTORS = 253 };

// Receives bytes and the descriptors that came with them, without blocking; the descriptors are close-on-exec.
//
// Returns the number of bytes, 0 at the end of the stream, or minus the errno. `descriptors` has room for
// CLINUX_MAX_DESCRIPTORS, and `count` is how many there are. `truncated` says that the kernel had to drop descriptors
// (MSG_CTRUNC). The caller owns those in `descriptors` in any case, and must close them: not done here, because closing
// a descriptor that a stranger chose may block (a file on FUSE), and the caller knows on which thread it may.
ssize_t clinux_receive(int socket, void *buffer, size_t capacity, int *descriptors, size_t *count, bool *truncated);

// Sends bytes (at least one), the first of them with `count` descriptors, without blocking and without SIGPIPE. Returns
// how many bytes were taken, or minus the errno; when any byte was, all the descriptors were.
ssize_t clinux_send(int socket, const void *bytes, size_t length, const int *descriptors, size_t count);
