// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cinject.h"

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int helper = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (helper < 0)
        return -errno;
    if (connect(helper, (struct sockaddr *)&address, sizeof address) == 0)
        return helper;
    int error = errno;
    close(helper);
    return -error;
}

static int send_packet(int helper, const void *bytes, size_t size, const int *fds, size_t count)
{
    char space[CMSG_SPACE(CINJECT_FDS_PER_PACKET * sizeof(int))] = {};
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    *control = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof *fds)};
    memcpy(CMSG_DATA(control), fds, count * sizeof *fds);
    return sendmsg(helper, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_all(int helper, const struct cinject_request *request, const int *fds, size_t count)
{
    const void *bytes = request;
    size_t size = sizeof *request;
    for (size_t sent = 0; sent < count; bytes = "", size = 1) {
        size_t now = count - sent < CINJECT_FDS_PER_PACKET ? count - sent : CINJECT_FDS_PER_PACKET;
        int error = send_packet(helper, bytes, size, fds + sent, now);
        if (error < 0)
            return error;
        sent += now;
    }
    return 0;
}

static int receive_reply(int helper, struct cinject_reply *reply)
{
    ssize_t size;
    do {
        size = recv(helper, reply, sizeof *reply, 0);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    if ((size_t)size < offsetof(struct cinject_reply, reason))
        return size == 0 ? -ECONNRESET : -EPROTO;
    reply->reason[sizeof reply->reason - 1] = 0;
    return 0;
}

int cinject_run(
    const char *path, int pidfd, int job, const int *vcpus, uint32_t vcpu_count, uint32_t deadline_ms, uint32_t flags,
    struct cinject_reply *reply)
{
    *reply = (struct cinject_reply){};
    size_t count = 2 + (size_t)vcpu_count;
    int *fds = malloc(count * sizeof *fds);
    if (!fds)
        return -ENOMEM;
    fds[0] = pidfd;
    fds[1] = job;
    memcpy(fds + 2, vcpus, vcpu_count * sizeof *fds);

    int helper = connect_to(path), result = helper;
    if (helper >= 0) {
        uint64_t wait_ms = 2 * (uint64_t)deadline_ms + 1000;
        struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000), .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
        setsockopt(helper, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(helper, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        struct cinject_request request = {CINJECT_VERSION, vcpu_count, deadline_ms, flags};
        result = send_all(helper, &request, fds, count);
        if (result == 0)
            result = receive_reply(helper, reply);
        close(helper);
    }
    free(fds);
    return result;
}
