// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static size_t take_descriptors(struct msghdr *message, int *fds, size_t room)
{
    size_t count = 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t came = (control->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        came = came < room - count ? came : room - count;
        memcpy(fds + count, CMSG_DATA(control), came * sizeof *fds);
        count += came;
    }
    return count;
}

/// Bytes of the packet; its descriptors are added to the request's.
static ssize_t receive_packet(
    struct injection_request *request, int connection, void *bytes, size_t size, size_t capacity)
{
    char space[CMSG_SPACE(253 * sizeof(int))];
    struct iovec piece = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t received = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    if (received > 0 && message.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
        return -1;
    if (received > 0)
        request->fd_count +=
            take_descriptors(&message, request->fds + request->fd_count, capacity - request->fd_count);
    return received;
}

bool request_receive(struct injection_request *request, int connection, struct reason *reason)
{
    const size_t capacity = 2 + CINJECT_MAX_VCPUS;
    *request = (struct injection_request){.fds = calloc(capacity, sizeof *request->fds)};
    if (!request->fds)
        return refuse(reason, "memory is exhausted");
    if (receive_packet(request, connection, &request->head, sizeof request->head, capacity) != sizeof request->head
        || request->head.version != CINJECT_VERSION || request->head.vcpu_count > CINJECT_MAX_VCPUS
        || request->head.vcpu_count == 0)
        return refuse(reason, "the request is not one that this version of cpumodeld-inject knows");
    size_t expected = 2 + (size_t)request->head.vcpu_count;
    char zero;
    while (request->fd_count < expected)
        if (receive_packet(request, connection, &zero, sizeof zero, capacity) <= 0)
            return refuse(reason, "fewer descriptors came than the request says");
    return request->fd_count == expected || refuse(reason, "more descriptors came than the request says");
}
