// SPDX-License-Identifier: Apache-2.0
//
// Unix stream sockets, and who is at the other end (unix(7), socket(7)).
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct clinux_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

// A listening socket at `path` with exactly the permission bits `mode`, at no instant with more. A socket that a dead
// process left there is replaced; one that somebody answers on, and anything that is no socket, is -EADDRINUSE.
int clinux_unix_listen(const char *path, mode_t mode, int backlog);

// A connected, blocking socket.
int clinux_unix_connect(const char *path);

// Two connected sockets, non-blocking and close-on-exec.
int clinux_unix_pair(int *first, int *second);

// The next connection of a listening socket, non-blocking and close-on-exec.
int clinux_accept(int listener);

// The process that connected, as it was at that time (SO_PEERCRED).
int clinux_peer_credentials(int socket, struct clinux_peer *peer);

// A pidfd of that process, with no race against its pid being used anew (SO_PEERPIDFD, Linux 6.5).
int clinux_peer_pidfd(int socket);

// Supplementary groups of that process (SO_PEERGROUPS): how many, or -ERANGE when there are more than `capacity`.
ssize_t clinux_peer_groups(int socket, gid_t *groups, size_t capacity);
