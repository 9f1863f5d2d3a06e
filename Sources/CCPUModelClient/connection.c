// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"

enum { DEFAULT_TIMEOUT = 30000 };

/// Connects a new socket. Returns it, or minus an errno.
static int connect_socket(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    // With a full backlog a non-blocking connect fails at once and poll has nothing to say about it: so connect while
    // the socket still blocks, for a limited time.
    struct timeval limit = {.tv_sec = DEFAULT_TIMEOUT / 1000};
    int status = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (status == 0) {
        do {
            status = connect(fd, (const struct sockaddr *)address, sizeof *address);
        } while (status < 0 && errno == EINTR);
    }
    if (status == 0)
        status = fcntl(fd, F_SETFL, O_NONBLOCK);
    if (status == 0)
        return fd;
    int code = errno == EAGAIN ? -ETIMEDOUT : -errno;
    close(fd);
    return code;
}

int cpumodel_connect(struct cpumodel **connection, const char *path, struct cpumodel_error *error)
{
    *connection = NULL;
    if (!path)
        path = secure_getenv("CPUMODELD_SOCKET");
    if (!path || !*path)
        path = CPUMODEL_DEFAULT_SOCKET;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return cpumodel_error_set(
            error, -ENAMETOOLONG, "invalidArgument", "the socket path %.120s... is too long for a socket", path);
    strcpy(address.sun_path, path);

    struct cpumodel *made = calloc(1, sizeof *made);
    if (!made)
        return cpumodel_error_no_memory(error);
    made->timeout = DEFAULT_TIMEOUT;
    made->wire.socket = connect_socket(&address);
    if (made->wire.socket < 0) {
        int code = made->wire.socket;
        free(made);
        errno = -code;
        return cpumodel_error_set(
            error, code, code == -ETIMEDOUT ? "timeout" : "connection", "cannot connect to cpumodeld at %s: %m", path);
    }
    made->socket = made->wire.socket;
    cpumodel_turn_init(&made->turn);
    *connection = made;
    return 0;
}

void cpumodel_close(struct cpumodel *connection)
{
    if (!connection)
        return;
    cpumodel_wire_close(&connection->wire);
    cpumodel_turn_destroy(&connection->turn);
    free(connection);
}

void cpumodel_connection_end(struct cpumodel *connection)
{
    pthread_mutex_lock(&connection->turn.lock);
    connection->socket = -1;
    pthread_mutex_unlock(&connection->turn.lock);
    cpumodel_wire_close(&connection->wire);
}

void cpumodel_cancel(struct cpumodel *connection)
{
    pthread_mutex_lock(&connection->turn.lock);
    if (connection->socket >= 0)
        shutdown(connection->socket, SHUT_RDWR);
    pthread_mutex_unlock(&connection->turn.lock);
}

void cpumodel_set_timeout(struct cpumodel *connection, int milliseconds)
{
    connection->timeout = milliseconds;
}

int cpumodel_socket(const struct cpumodel *connection)
{
    return connection->socket;
}
