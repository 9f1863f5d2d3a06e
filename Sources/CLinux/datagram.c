// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int clinux_datagram_create(void)
{
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return descriptor < 0 ? -errno : descriptor;
}

int clinux_datagram_send(int socket, const char *path, const void *bytes, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t path_length = strlen(path);
    ssize_t result;

    if (path_length >= sizeof address.sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, path_length);
    do {
        result = sendto(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}
