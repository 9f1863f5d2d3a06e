// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static int unix_socket(int flags)
{
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    return descriptor < 0 ? -errno : descriptor;
}

static int fill_address(struct sockaddr_un *address, const char *path)
{
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof address->sun_path) {
        return length == 0 ? -EINVAL : -ENAMETOOLONG;
    }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    return 0;
}

static int connect_to(int descriptor, const struct sockaddr_un *address)
{
    while (connect(descriptor, (const struct sockaddr *)address, sizeof *address) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

// Removes a socket that nobody listens on any more. connect(2) is refused on any file, so look at its kind first.
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    int probe;
    int result;

    if (lstat(address->sun_path, &status) < 0) {
        return -errno;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return -EADDRINUSE;
    }
    probe = unix_socket(SOCK_NONBLOCK);
    if (probe < 0) {
        return probe;
    }
    result = connect_to(probe, address);
    close(probe);
    // EAGAIN is a full backlog: somebody is there, and busy.
    if (result != -ECONNREFUSED) {
        return -EADDRINUSE;
    }
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_to(int descriptor, const struct sockaddr_un *address)
{
    return bind(descriptor, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
}

static int bind_and_listen(int descriptor, const struct sockaddr_un *address, mode_t mode, int backlog)
{
    int result;

    // The mode of the socket file is that of the socket, less the umask: narrow before it exists, exact after.
    if (fchmod(descriptor, mode) < 0) {
        return -errno;
    }
    result = bind_to(descriptor, address);
    if (result == -EADDRINUSE) {
        result = remove_stale(address);
        if (result == 0) {
            result = bind_to(descriptor, address);
        }
    }
    if (result < 0) {
        return result;
    }
    if (chmod(address->sun_path, mode) < 0 || listen(descriptor, backlog) < 0) {
        result = -errno;
        unlink(address->sun_path);
    }
    return result;
}

int clinux_unix_listen(const char *path, mode_t mode, int backlog)
{
    struct sockaddr_un address;
    int descriptor;
    int result = fill_address(&address, path);

    if (result < 0) {
        return result;
    }
    descriptor = unix_socket(SOCK_NONBLOCK);
    if (descriptor < 0) {
        return descriptor;
    }
    result = bind_and_listen(descriptor, &address, mode, backlog);
    if (result < 0) {
        close(descriptor);
        return result;
    }
    return descriptor;
}

int clinux_unix_connect(const char *path)
{
    struct sockaddr_un address;
    int descriptor;
    int result = fill_address(&address, path);

    if (result < 0) {
        return result;
    }
    descriptor = unix_socket(0);
    if (descriptor < 0) {
        return descriptor;
    }
    result = connect_to(descriptor, &address);
    if (result < 0) {
        close(descriptor);
        return result;
    }
    return descriptor;
}

int clinux_unix_pair(int *first, int *second)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        return -errno;
    }
    *first = pair[0];
    *second = pair[1];
    return 0;
}

int clinux_accept(int listener)
{
    int descriptor;

    do {
        descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor < 0 ? -errno : descriptor;
}

int clinux_peer_credentials(int socket, struct clinux_peer *peer)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) {
        return -errno;
    }
    peer->pid = credentials.pid;
    peer->uid = credentials.uid;
    peer->gid = credentials.gid;
    return 0;
}

int clinux_peer_pidfd(int socket)
{
    int pidfd = -1;
    socklen_t length = sizeof pidfd;

    return getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) < 0 ? -errno : pidfd;
}

ssize_t clinux_peer_groups(int socket, gid_t *groups, size_t capacity)
{
    socklen_t length = (socklen_t)(capacity * sizeof *groups);

    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0) {
        return -errno;
    }
    return (ssize_t)(length / sizeof *groups);
}
