// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

enum {
    /// The kernel's SCM_MAX_FD.
    FDS_PER_MESSAGE = 253,
    /// A longer line is a fault of the peer.
    LINE_MAX_BYTES = 64 << 20,
    /// More descriptors than a job can have are a fault of the peer.
    FD_QUEUE_MAX = 1 + CPUMODEL_MAX_VCPUS,
};

// ---- Time -----------------------------------------------------------------------------------------------------------

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

deadline cpumodel_deadline(int milliseconds)
{
    return milliseconds < 0 ? -1 : now() + milliseconds;
}

static int timed_out(struct cpumodel_error *error)
{
    return cpumodel_error_set(error, -ETIMEDOUT, "timeout", "the daemon did not answer in time");
}

/// Waits until the socket is ready for `events`.
static int wait_for(const struct wire *wire, short events, deadline until, struct cpumodel_error *error)
{
    for (;;) {
        int64_t left = until < 0 ? -1 : until - now();
        if (until >= 0 && left <= 0)
            return timed_out(error);
        struct pollfd poller = {.fd = wire->socket, .events = events};
        int ready = poll(&poller, 1, left > 60000 ? 60000 : (int)left);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return cpumodel_error_set(error, -errno, "connection", "cannot wait for the daemon: %m");
    }
}

static int hung_up(struct cpumodel_error *error)
{
    return cpumodel_error_set(error, -ECONNRESET, "connection", "the daemon closed the connection");
}

// ---- Sending --------------------------------------------------------------------------------------------------------

union control {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(FDS_PER_MESSAGE * sizeof(int))];
};

static ssize_t send_piece(int socket, const char *bytes, size_t length, const int *fds, size_t fd_count)
{
    union control control;
    struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (fd_count) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

int cpumodel_wire_send(
    struct wire *wire, const char *line, size_t length, const int *fds, size_t fd_count, deadline until,
    struct cpumodel_error *error)
{
    while (length) {
        // While there are more descriptors than one message carries, a byte takes as many as it can along.
        size_t now_fds = fd_count < FDS_PER_MESSAGE ? fd_count : FDS_PER_MESSAGE;
        size_t now_bytes = fd_count > now_fds ? 1 : length;
        ssize_t sent = send_piece(wire->socket, line, now_bytes, fds, now_fds);
        if (sent > 0) {
            line += sent;
            length -= (size_t)sent;
            if (fd_count -= now_fds)
                fds += now_fds;
        } else if (errno == EAGAIN) {
            int code = wait_for(wire, POLLOUT, until, error);
            if (code < 0)
                return code;
        } else if (errno == ETOOMANYREFS && (until < 0 || now() < until)) {
            // As many descriptors of this user are on their way as RLIMIT_NOFILE allows: the daemon must first take
            // some of them, which no poll tells.
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return hung_up(error);
        } else if (errno != EINTR) {
            return cpumodel_error_set(error, -errno, "connection", "cannot send to the daemon: %m");
        }
    }
    return 0;
}

// ---- Receiving ------------------------------------------------------------------------------------------------------

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static bool queue_fds(struct wire *wire, const int *fds, size_t count)
{
    if (wire->fd_count + count > wire->fd_capacity) {
        size_t capacity = (wire->fd_count + count) * 2;
        int *grown = realloc(wire->fds, capacity * sizeof *grown);
        if (!grown)
            return false;
        wire->fds = grown;
        wire->fd_capacity = capacity;
    }
    memcpy(wire->fds + wire->fd_count, fds, count * sizeof *fds);
    wire->fd_count += count;
    return true;
}

/// Puts the descriptors of a message into the queue. Whatever happens, each is in the queue or closed.
static int accept_fds(struct wire *wire, struct msghdr *message, struct cpumodel_error *error)
{
    int code = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        int fds[FDS_PER_MESSAGE + 1];  // the padding of a control message can hold one more
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(header), count * sizeof(int));
        if (code == 0 && wire->fd_count + count > FD_QUEUE_MAX)
            code = cpumodel_error_set(error, -EPROTO, "protocol", "the daemon sent too many descriptors");
        if (code == 0 && !queue_fds(wire, fds, count))
            code = cpumodel_error_no_memory(error);
        if (code < 0)
            close_all(fds, count);
    }
    if (code == 0 && message->msg_flags & MSG_CTRUNC)
        code = cpumodel_error_set(
            error, -EMFILE, "connection",
            "descriptors from the daemon were lost: this process needs a higher RLIMIT_NOFILE");
    return code;
}

/// Makes room for at least one more byte at the end of the buffer.
static int make_room(struct wire *wire, struct cpumodel_error *error)
{
    if (wire->consumed) {
        wire->length -= wire->consumed;
        memmove(wire->buffer, wire->buffer + wire->consumed, wire->length);
        wire->consumed = 0;
    }
    if (wire->length < wire->capacity)
        return 0;
    if (wire->capacity >= LINE_MAX_BYTES)
        return cpumodel_error_set(error, -EPROTO, "protocol", "the daemon sent a line of more than 64 MiB");
    size_t capacity = wire->capacity ? wire->capacity * 2 : 4096;
    char *grown = realloc(wire->buffer, capacity);
    if (!grown)
        return cpumodel_error_no_memory(error);
    wire->buffer = grown;
    wire->capacity = capacity;
    return 0;
}

/// Reads what is there, waiting for at least one byte.
static int receive_more(struct wire *wire, deadline until, struct cpumodel_error *error)
{
    int code = make_room(wire, error);
    while (code == 0) {
        union control control;
        struct iovec vector = {.iov_base = wire->buffer + wire->length, .iov_len = wire->capacity - wire->length};
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t received = recvmsg(wire->socket, &message, MSG_CMSG_CLOEXEC);
        if (received > 0) {
            wire->length += (size_t)received;
            return accept_fds(wire, &message, error);
        }
        if (received == 0 || errno == ECONNRESET)
            return hung_up(error);
        if (errno == EAGAIN)
            code = wait_for(wire, POLLIN, until, error);
        else if (errno != EINTR)
            return cpumodel_error_set(error, -errno, "connection", "cannot receive from the daemon: %m");
    }
    return code;
}

int cpumodel_wire_receive(
    struct wire *wire, const char **line, size_t *length, deadline until, struct cpumodel_error *error)
{
    size_t searched = wire->consumed;
    for (;;) {
        char *feed = NULL;
        if (wire->length > searched)
            feed = memchr(wire->buffer + searched, '\n', wire->length - searched);
        if (feed) {
            *line = wire->buffer + wire->consumed;
            *length = (size_t)(feed - *line);
            wire->consumed += *length + 1;
            return 0;
        }
        searched = wire->length - wire->consumed;
        int code = receive_more(wire, until, error);
        if (code < 0)
            return code;
    }
}

bool cpumodel_wire_take(struct wire *wire, int *fds, size_t count)
{
    if (count > wire->fd_count)
        return false;
    if (count == 0)
        return true;
    memcpy(fds, wire->fds, count * sizeof *fds);
    wire->fd_count -= count;
    memmove(wire->fds, wire->fds + count, wire->fd_count * sizeof *fds);
    return true;
}

bool cpumodel_wire_has_stray_fds(const struct wire *wire)
{
    return wire->fd_count && wire->consumed == wire->length;
}

void cpumodel_wire_close(struct wire *wire)
{
    if (wire->socket >= 0)
        close(wire->socket);
    close_all(wire->fds, wire->fd_count);
    free(wire->fds);
    free(wire->buffer);
    *wire = (struct wire){.socket = -1};
}
