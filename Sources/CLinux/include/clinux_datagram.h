// SPDX-License-Identifier: Apache-2.0
//
// Datagrams to a Unix socket that is known by its path (unix(7)).
#pragma once

#include <stddef.h>

// A socket to send them from: close-on-exec and non-blocking.
int clinux_datagram_create(void);

// Sends a datagram to the socket at `path`, without blocking: 0, or minus the errno. -EAGAIN: whoever is there does not read
// fast enough; -ENOENT and -ECONNREFUSED: nobody is there.
int clinux_datagram_send(int socket, const char *path, const void *bytes, size_t length);
