// SPDX-License-Identifier: Apache-2.0
//
// Datagrams to a Unix socket that is known by its address (unix(7)).
#pragma once

#include <stddef.h>

// A socket to send them from: close-on-exec and non-blocking.
int clinux_datagram_create(void);

// Sends a datagram to the socket at `path`, or at the abstract address that it is with '@' for the null byte, without
// blocking; with `descriptor`, unless that is negative. 0, or minus the errno. -EAGAIN: whoever is there does not read fast
// enough; -ENOENT and -ECONNREFUSED: nobody is there.
int clinux_datagram_send(int socket, const char *path, const void *bytes, size_t length, int descriptor);
