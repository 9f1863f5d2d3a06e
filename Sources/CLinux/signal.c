// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "clinux_signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int make_set(sigset_t *set, const int *signals, size_t count)
{
    sigemptyset(set);
    for (size_t i = 0; i < count; i++) {
        if (sigaddset(set, signals[i]) < 0) {
            return -errno;
        }
    }
    return 0;
}

int clinux_signal_block(const int *signals, size_t count)
{
    sigset_t set;
    int result = make_set(&set, signals, count);

    return result < 0 ? result : -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int clinux_signalfd(int descriptor, const int *signals, size_t count)
{
    sigset_t set;
    int result = make_set(&set, signals, count);

    if (result < 0) {
        return result;
    }
    result = signalfd(descriptor, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return result < 0 ? -errno : result;
}

int clinux_signalfd_read(int descriptor, struct clinux_signal *signal)
{
    struct signalfd_siginfo information;
    ssize_t length;

    do {
        length = read(descriptor, &information, sizeof information);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return errno == EAGAIN ? 0 : -errno;
    }
    signal->number = information.ssi_signo;
    signal->pid = information.ssi_pid;
    signal->uid = information.ssi_uid;
    return 1;
}
