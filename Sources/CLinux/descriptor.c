// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE

#include "clinux_descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_descriptor_directory(void)
{
    int directory = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);

    return directory < 0 ? -errno : directory;
}

ssize_t clinux_descriptor_link(int directory, int descriptor, char *buffer, size_t capacity)
{
    static const char prefix[] = "/proc/self/fd/";
    char path[sizeof prefix + sizeof "-2147483648"];
    ssize_t length;

    snprintf(path, sizeof path, "%s%d", prefix, descriptor);
    length = readlinkat(directory, directory < 0 ? path : path + sizeof prefix - 1, buffer, capacity);
    if (length < 0) {
        return -errno;
    }
    // readlink cuts silently, so a full buffer may hold only a part of the name.
    return (size_t)length < capacity ? length : -ENAMETOOLONG;
}

int clinux_descriptor_duplicate(int descriptor)
{
    int duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);

    return duplicate < 0 ? -errno : duplicate;
}

int clinux_close_range(unsigned int first, unsigned int last)
{
    return syscall(SYS_close_range, first, last, 0U) < 0 ? -errno : 0;
}

int clinux_eventfd_create(void)
{
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return event < 0 ? -errno : event;
}

void clinux_eventfd_raise(int event)
{
    int saved = errno;
    uint64_t one = 1;

    while (write(event, &one, sizeof one) < 0 && errno == EINTR) {
    }
    errno = saved;
}

void clinux_eventfd_clear(int event)
{
    int saved = errno;
    uint64_t count;

    while (read(event, &count, sizeof count) < 0 && errno == EINTR) {
    }
    errno = saved;
}

int clinux_random(void *buffer, size_t length)
{
    unsigned char *next = buffer;

    while (length > 0) {
        ssize_t got = getrandom(next, length, 0);

        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -errno;
        }
        next += got;
        length -= (size_t)got;
    }
    return 0;
}

ssize_t clinux_write_now(int descriptor, const void *bytes, size_t length)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    ssize_t result;

    if (poll(&ready, 1, 0) < 0) {
        return -errno;
    }
    if (!(ready.revents & POLLOUT)) {
        return ready.revents ? -EPIPE : -EAGAIN;
    }
    do {
        result = write(descriptor, bytes, length < PIPE_BUF ? length : PIPE_BUF);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}
