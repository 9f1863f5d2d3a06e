// SPDX-License-Identifier: Apache-2.0
//
// Lines over Unix sockets.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "samples.h"

enum { LINE_MAX_SIZE = 64 << 20 };

static inline struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        fail(path);
    }
    strcpy(address.sun_path, path);
    return address;
}

static inline int connect_to(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0 || connect(socket_fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail(path);
    return socket_fd;
}

static inline int listen_at(const char *path, int flags)
{
    struct sockaddr_un address = address_of(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | flags, 0);
    unlink(path);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0)
        fail(path);
    return listener;
}

static inline void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0)
            fail("write");
        bytes += count;
        length -= (size_t)count;
    }
}

/// Reads one line, and nothing behind it, for no answer here is followed by anything. Returns its length.
static inline size_t read_line(int fd, char *line)
{
    size_t length = 0;
    do {
        ssize_t count = read(fd, line + length, LINE_MAX_SIZE - length);
        if (count <= 0)
            fail("read");
        length += (size_t)count;
    } while (line[length - 1] != '\n');
    return length;
}

struct text {
    char *bytes;
    size_t length;
};

static inline struct text contents_of(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) < 0)
        fail(path);
    struct text text = {malloc((size_t)status.st_size + 1), 0};
    if (!text.bytes)
        fail("memory");
    for (;;) {
        ssize_t count = read(file, text.bytes + text.length, (size_t)status.st_size + 1 - text.length);
        if (count < 0)
            fail(path);
        if (count == 0)
            break;
        text.length += (size_t)count;
    }
    close(file);
    return text;
}

static inline char *line_buffer(void)
{
    char *buffer = malloc(LINE_MAX_SIZE);
    if (!buffer)
        fail("memory");
    return buffer;
}
