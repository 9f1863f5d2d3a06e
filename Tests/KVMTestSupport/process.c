// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "kvmtest_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/// Only a guard against hanging: a loaded machine may take its time.
enum { LONGEST_WAIT = 300 * 1000 };

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

int kvmtest_send(int socket, const void *packet, uint64_t size, int fd)
{
    union control control = {0};
    struct iovec io = {.iov_base = (void *)packet, .iov_len = size};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL);
    return count < 0 ? -errno : 0;
}

int kvmtest_receive(int socket, void *packet, uint64_t size, int *fd)
{
    union control control = {0};
    struct iovec io = {.iov_base = packet, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t count;
    *fd = -1;
    do {
        count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return count == 0 ? -EPIPE : (uint64_t)count == size ? 0 : -EBADMSG;
}

int kvmtest_process_start(const char *path, pid_t *pid)
{
    extern char **environ;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    // dup2 on itself would leave close-on-exec as it is.
    int theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, KVMTEST_SOCKET + 1);
    int error = theirs < 0 ? errno : 0;
    close(ends[1]);
    if (!error) {
        posix_spawn_file_actions_t actions;
        char *const arguments[] = {(char *)path, NULL};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, theirs, KVMTEST_SOCKET);
        error = posix_spawn(pid, path, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        close(theirs);
    }
    if (error) {
        close(ends[0]);
        return -error;
    }
    return ends[0];
}

int64_t kvmtest_process_ask(int socket, struct kvmtest_question question, int sent, int *received)
{
    int64_t answer = 0;
    *received = -1;
    int status = kvmtest_send(socket, &question, sizeof question, sent);
    if (status < 0)
        return status;
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    do {
        status = poll(&entry, 1, LONGEST_WAIT);
    } while (status < 0 && errno == EINTR);
    if (status <= 0)
        return status < 0 ? -errno : -ETIMEDOUT;
    status = kvmtest_receive(socket, &answer, sizeof answer, received);
    return status < 0 ? status : answer;
}

void kvmtest_process_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
