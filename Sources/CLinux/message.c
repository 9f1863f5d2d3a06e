// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

// A security label is the longest thing that may stand beside the descriptors; SELinux contexts stay well below.
enum { SECURITY_LABEL_SIZE = 1024 };

// Room for everything one message can carry, also what only a listener's options (PassCredentials=, PassPIDFD=,
// PassSecurity= of systemd.socket) can have asked for: too little room would drop descriptors.
enum {
    CONTROL_SIZE = CMSG_SPACE(CLINUX_MAX_DESCRIPTORS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred)) +
                   CMSG_SPACE(sizeof(int)) + CMSG_SPACE(SECURITY_LABEL_SIZE)
};

static void take_descriptors(const struct cmsghdr *header, int *descriptors, size_t *count, bool *truncated)
{
    size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < received; i++) {
        int descriptor;

        memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
        if (*count < CLINUX_MAX_DESCRIPTORS) {
            descriptors[(*count)++] = descriptor;
        } else {
            // Not reached: one message has at most CLINUX_MAX_DESCRIPTORS. Never leak what the kernel installed.
            close(descriptor);
            *truncated = true;
        }
    }
}

ssize_t clinux_receive(int socket, void *buffer, size_t capacity, int *descriptors, size_t *count, bool *truncated)
{
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_SIZE];
    struct iovec piece = {.iov_base = buffer, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length;

    *count = 0;
    *truncated = false;
    do {
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return -errno;
    }
    *truncated = (message.msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (header->cmsg_type == SCM_RIGHTS) {
            take_descriptors(header, descriptors, count, truncated);
        } else if (header->cmsg_type == SCM_PIDFD) {
            int pidfd;

            // Nobody here asked for it, but the kernel has installed it.
            memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
            if (pidfd >= 0) {
                close(pidfd);
            }
        }
    }
    return length;
}

ssize_t clinux_send(int socket, const void *bytes, size_t length, const int *descriptors, size_t count)
{
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(CLINUX_MAX_DESCRIPTORS * sizeof(int))];
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    ssize_t sent;

    if (count > CLINUX_MAX_DESCRIPTORS) {
        return -EINVAL;
    }
    if (count > 0) {
        struct cmsghdr *header;

        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        memset(control, 0, message.msg_controllen);
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
    }
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}
