// SPDX-License-Identifier: Apache-2.0
//
// An agent's life: connect, attach to the VM, serve, and again after a pause when the daemon is gone.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

enum {
    /// Pauses between attempts, in milliseconds: the first, and the longest.
    FIRST_PAUSE = 50,
    LONGEST_PAUSE = 5000,
    /// Jobs need little stack; an executor of the launcher's may need more.
    STACK_SIZE = 256 * 1024,
};

// ---- Threads --------------------------------------------------------------------------------------------------------

int cpumodel_agent_thread(pthread_t *thread, bool detached, void *(*body)(void *), void *context)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error)
        return -error;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (detached)
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    // Signals are for the launcher's own threads.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, &attributes, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

/// Waits for a change, with the lock held, at most until then. Returns false when the time is over.
static bool wait_until(struct cpumodel_agent *agent, const struct timespec *time)
{
    return pthread_cond_clockwait(&agent->changed, &agent->lock, CLOCK_MONOTONIC, time) != ETIMEDOUT;
}

static struct timespec time_in(int milliseconds)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

// ---- Serving --------------------------------------------------------------------------------------------------------

/// Makes a connection known to jobs and to cpumodel_agent_stop(). Returns false when the agent is to end.
static bool enter(struct cpumodel_agent *agent, const struct cpumodel *connection)
{
    pthread_mutex_lock(&agent->lock);
    agent->connection++;
    agent->socket = agent->stopping ? -1 : fcntl(cpumodel_socket(connection), F_DUPFD_CLOEXEC, 0);
    bool entered = agent->socket >= 0;
    pthread_mutex_unlock(&agent->lock);
    return entered;
}

static void set_state(struct cpumodel_agent *agent, enum cpumodel_agent_state state)
{
    pthread_mutex_lock(&agent->lock);
    agent->state = state;
    pthread_cond_broadcast(&agent->changed);
    pthread_mutex_unlock(&agent->lock);
}

static void leave(struct cpumodel_agent *agent)
{
    pthread_mutex_lock(&agent->lock);
    if (agent->socket >= 0)
        close(agent->socket);
    agent->socket = -1;
    if (agent->state == CPUMODEL_AGENT_ATTACHED)
        agent->state = CPUMODEL_AGENT_CONNECTING;
    pthread_mutex_unlock(&agent->lock);
}

/// `vm.attach`: this connection is the one by which the VM's vCPUs can be read. Returns 0 or the code of the fault.
static int attach(struct cpumodel *connection, const struct cpumodel_agent *agent)
{
    struct text params = {0};
    cpumodel_text_format(&params, "{\"fds\":%u,\"vm\":", agent->vcpu_count);
    cpumodel_text_string(&params, agent->vm);
    cpumodel_text_format(&params, ",\"requestId\":");
    cpumodel_text_string(&params, agent->request_id);
    cpumodel_text_add(&params, "}", 1);
    const struct request request = {
        .method = "vm.attach",
        .params = &params,
        .fds = agent->vcpu_fds,
        .fd_count = agent->vcpu_count,
    };
    int code = cpumodel_request(connection, &request, NULL, NULL);
    cpumodel_text_free(&params);
    return code;
}

/// One connection from beginning to end. Returns whether it was attached, so that the next attempt may come soon.
static bool serve(struct cpumodel_agent *agent)
{
    struct cpumodel *connection;
    const struct cpumodel_agent_hooks hooks = {agent, cpumodel_agent_take_job, cpumodel_agent_send};
    bool attached = false;
    if (cpumodel_connect(&connection, agent->path, NULL) < 0)
        return false;
    connection->agent = &hooks;
    if (enter(agent, connection)) {
        int code = attach(connection, agent);
        attached = code == 0;
        if (attached || code <= -32000)
            set_state(agent, attached ? CPUMODEL_AGENT_ATTACHED : CPUMODEL_AGENT_REFUSED);
        if (attached)
            cpumodel_serve(connection, NULL);
    }
    leave(agent);
    cpumodel_close(connection);
    return attached;
}

/// Some way between half of a pause and all of it: after a restart not every agent is to come in the same moment.
static int with_jitter(int pause)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return pause / 2 + (int)(now.tv_nsec / 1000 % (pause / 2 + 1));
}

/// Returns false when the agent is to end.
static bool rest(struct cpumodel_agent *agent, int pause)
{
    const struct timespec until = time_in(with_jitter(pause));
    pthread_mutex_lock(&agent->lock);
    while (!agent->stopping && wait_until(agent, &until))
        ;
    bool stopping = agent->stopping;
    pthread_mutex_unlock(&agent->lock);
    return !stopping;
}

static void *agent_thread(void *context)
{
    struct cpumodel_agent *agent = context;
    int pause = FIRST_PAUSE;
    do {
        bool attached = serve(agent);
        pause = attached ? FIRST_PAUSE : pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
    } while (rest(agent, pause));
    return NULL;
}

// ---- From outside ---------------------------------------------------------------------------------------------------

/// Lets go of the VM.
static void close_vcpus(struct cpumodel_agent *agent)
{
    for (unsigned i = 0; i < agent->vcpu_count; i++)
        if (agent->vcpu_fds[i] >= 0)
            close(agent->vcpu_fds[i]);
    agent->vcpu_count = 0;
}

static void free_agent(struct cpumodel_agent *agent)
{
    close_vcpus(agent);
    free(agent->vcpu_fds);
    free(agent->path);
    free(agent->vm);
    free(agent->request_id);
    pthread_cond_destroy(&agent->changed);
    pthread_mutex_destroy(&agent->lock);
    free(agent);
}

void cpumodel_agent_release(struct cpumodel_agent *agent)
{
    bool last = --agent->references == 0;
    pthread_mutex_unlock(&agent->lock);
    if (last)
        free_agent(agent);
}

static bool copy_text(char **copy, const char *text)
{
    return !text || (*copy = strdup(text));
}

/// Returns 0 or the code of `error`.
static int fill(
    struct cpumodel_agent *agent, const struct cpumodel_agent_options *options, struct cpumodel_error *error)
{
    agent->vcpu_fds = malloc(options->vcpu_count * sizeof *agent->vcpu_fds);
    if (!agent->vcpu_fds || !copy_text(&agent->path, options->path) || !copy_text(&agent->vm, options->vm)
        || !copy_text(&agent->request_id, options->request_id))
        return cpumodel_error_no_memory(error);
    agent->vcpu_count = options->vcpu_count;
    for (unsigned i = 0; i < options->vcpu_count; i++)
        agent->vcpu_fds[i] = -1;
    for (unsigned i = 0; i < options->vcpu_count; i++) {
        agent->vcpu_fds[i] = fcntl(options->vcpu_fds[i], F_DUPFD_CLOEXEC, 0);
        if (agent->vcpu_fds[i] < 0)
            return cpumodel_error_set(
                error, -errno, "invalidArgument", "descriptor %u of the vCPUs cannot be duplicated: %m", i);
    }
    agent->execute = options->execute;
    agent->context = options->context;
    return 0;
}

int cpumodel_agent_start(
    struct cpumodel_agent **agent, const struct cpumodel_agent_options *options, struct cpumodel_error *error)
{
    *agent = NULL;
    if (!options->vm || !options->request_id)
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "an agent needs the name of its VM, and the request that it is from");
    if (!options->vcpu_fds || options->vcpu_count == 0 || options->vcpu_count > CPUMODEL_MAX_VCPUS)
        return cpumodel_error_set(
            error, -EINVAL, "invalidArgument", "a VM has 1 to %d vCPUs, not %u", CPUMODEL_MAX_VCPUS,
            options->vcpu_count);
    struct cpumodel_agent *made = calloc(1, sizeof *made);
    if (!made)
        return cpumodel_error_no_memory(error);
    made->socket = -1;
    made->references = 1;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    int code = fill(made, options, error);
    if (code == 0) {
        code = cpumodel_agent_thread(&made->thread, false, agent_thread, made);
        errno = -code;
        if (code < 0)
            cpumodel_error_set(error, code, "noMemory", "the agent's thread cannot be started: %m");
    }
    if (code < 0) {
        free_agent(made);
        return code;
    }
    *agent = made;
    return 0;
}

enum cpumodel_agent_state cpumodel_agent_state(struct cpumodel_agent *agent)
{
    return cpumodel_agent_wait(agent, 0);
}

enum cpumodel_agent_state cpumodel_agent_wait(struct cpumodel_agent *agent, int milliseconds)
{
    const struct timespec until = time_in(milliseconds);
    pthread_mutex_lock(&agent->lock);
    while (agent->state == CPUMODEL_AGENT_CONNECTING && milliseconds > 0 && wait_until(agent, &until))
        ;
    enum cpumodel_agent_state state = agent->state;
    pthread_mutex_unlock(&agent->lock);
    return state;
}

void cpumodel_agent_stop(struct cpumodel_agent *agent)
{
    if (!agent)
        return;
    pthread_mutex_lock(&agent->lock);
    agent->stopping = true;
    if (agent->socket >= 0)
        shutdown(agent->socket, SHUT_RDWR);
    pthread_cond_broadcast(&agent->changed);
    pthread_mutex_unlock(&agent->lock);
    pthread_join(agent->thread, NULL);
    close_vcpus(agent);

    pthread_mutex_lock(&agent->lock);
    // The executor's context is the caller's, and may go when this returns.
    while (agent->execute && agent->jobs)
        pthread_cond_wait(&agent->changed, &agent->lock);
    cpumodel_agent_release(agent);
}
