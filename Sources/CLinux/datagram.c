// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_datagram.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int clinux_datagram_create(void)
{
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return descriptor < 0 ? -errno : descriptor;
}

int clinux_datagram_send(int socket, const char *path, const void *bytes, size_t length, int descriptor)
{
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))] = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    size_t path_length = strlen(path);
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = &piece, .msg_iovlen = 1};
    ssize_t result;

    if (path_length >= sizeof address.sun_path) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, path_length);
    if (path[0] == '@') {
        // The length is part of an abstract address.
        address.sun_path[0] = 0;
        message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length);
    }
    if (descriptor >= 0) {
        struct cmsghdr *header;

        message.msg_control = control;
        message.msg_controllen = sizeof control;
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    do {
        result = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}
