// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_AGENT_H
#define CPUMODEL_AGENT_H

#include <pthread.h>

#include "connection.h"

/// An agent is referred to by its caller and by each job under way: a job that waits for a vCPU may outlive the rest.
struct cpumodel_agent {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // Under the lock:
    unsigned references;
    bool stopping;
    enum cpumodel_agent_state state;
    /// A duplicate of the connection's socket, to answer on and to shut down; -1 while there is no connection.
    int socket;
    /// Tells the connection that a job came on from those after it.
    uint64_t connection;
    /// Jobs under way.
    unsigned jobs;
    // Set once:
    pthread_t thread;
    char *path, *vm, *request_id;
    int *vcpu_fds;
    unsigned vcpu_count;
    cpumodel_executor *execute;
    void *context;
};

/// Gives up a reference, with the lock held, and with the lock. Frees the agent with the last one.
void cpumodel_agent_release(struct cpumodel_agent *agent);

/// cpumodel_agent_hooks.take_job: runs a job on a thread of its own.
const char *cpumodel_agent_take_job(void *context, struct json id, int64_t deadline_ms, int *fds, size_t fd_count);

/// cpumodel_agent_hooks.send.
int cpumodel_agent_send(void *context, const char *line, size_t length, struct cpumodel_error *error);

/// Sends a line, with the lock held. A daemon that does not read it is left.
int cpumodel_agent_send_locked(
    struct cpumodel_agent *agent, const char *line, size_t length, struct cpumodel_error *error);

/// Starts a thread that takes no signals. Returns 0 or minus an errno.
int cpumodel_agent_thread(pthread_t *thread, bool detached, void *(*body)(void *), void *context);

#endif
