// SPDX-License-Identifier: Apache-2.0
//
// The jobs of an agent: each on a thread of its own, for an ioctl on a vCPU waits, uninterruptibly, for as long as the
// vCPU is in KVM_RUN.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "error.h"
#include "job.h"
#include "owner.h"

enum {
    /// As many vCPUs can keep a job waiting before more of them are refused.
    MAX_JOBS = 64,
    /// An answer is a hundred bytes: a daemon that cannot take them in this time, in milliseconds, has hung.
    SEND_TIMEOUT = 1000,
};

struct agent_job {
    struct cpumodel_agent *agent;
    uint64_t connection;
    deadline until;
    /// JSON text.
    char *id;
    size_t fd_count;
    int fds[];
};

int cpumodel_agent_send_locked(
    struct cpumodel_agent *agent, const char *line, size_t length, struct cpumodel_error *error)
{
    struct wire wire = {.socket = agent->socket};
    int code = cpumodel_wire_send(&wire, line, length, NULL, 0, cpumodel_deadline(SEND_TIMEOUT), error);
    // Part of a line may be out, so that nothing can follow it. The thread that receives sees the end.
    if (code < 0)
        shutdown(agent->socket, SHUT_RDWR);
    return code;
}

int cpumodel_agent_send(void *context, const char *line, size_t length, struct cpumodel_error *error)
{
    struct cpumodel_agent *agent = context;
    pthread_mutex_lock(&agent->lock);
    int code = cpumodel_agent_send_locked(agent, line, length, error);
    pthread_mutex_unlock(&agent->lock);
    return code;
}

static void free_job(struct agent_job *job, bool close_fds)
{
    for (size_t i = 0; close_fds && i < job->fd_count; i++)
        close(job->fds[i]);
    free(job->id);
    free(job);
}

static int run(const struct agent_job *job, char *reason, size_t reason_size)
{
    const struct cpumodel_agent *agent = job->agent;
    unsigned vcpus = (unsigned)job->fd_count - 1;
    if (!cpumodel_job_only_reads(job->fds[0], vcpus, reason, reason_size))
        return -1;
    if (cpumodel_deadline(0) > job->until) {
        snprintf(reason, reason_size, "the job's deadline passed before it was begun");
        return -1;
    }
    if (agent->execute)
        return agent->execute(agent->context, job->fds[0], job->fds + 1, vcpus, reason, reason_size);
    return cpumodel_execute_job(job->fds[0], job->fds + 1, vcpus, reason, reason_size);
}

static void *job_thread(void *context)
{
    struct agent_job *job = context;
    struct cpumodel_agent *agent = job->agent;
    char reason[256] = "the launcher did not execute the job";
    int executed = run(job, reason, sizeof reason);

    struct text answer = {0};
    const struct json id = {job->id, job->id + strlen(job->id)};
    cpumodel_owner_answer(&answer, id, executed, reason);
    cpumodel_text_add(&answer, "\n", 1);
    uint64_t connection = job->connection;
    free_job(job, true);

    pthread_mutex_lock(&agent->lock);
    agent->jobs--;
    if (agent->socket >= 0 && agent->connection == connection && !answer.failed)
        cpumodel_agent_send_locked(agent, answer.bytes, answer.length, NULL);
    pthread_cond_broadcast(&agent->changed);
    cpumodel_text_free(&answer);
    cpumodel_agent_release(agent);
    return NULL;
}

static struct agent_job *make_job(struct json id, int64_t deadline_ms, const int *fds, size_t fd_count)
{
    struct agent_job *job = calloc(1, sizeof *job + fd_count * sizeof *fds);
    if (!job)
        return NULL;
    job->id = strndup(id.begin, (size_t)(id.end - id.begin));
    if (!job->id) {
        free(job);
        return NULL;
    }
    job->until = cpumodel_deadline(deadline_ms > 0 && deadline_ms < INT32_MAX ? (int)deadline_ms : INT32_MAX);
    job->fd_count = fd_count;
    memcpy(job->fds, fds, fd_count * sizeof *fds);
    return job;
}

const char *cpumodel_agent_take_job(void *context, struct json id, int64_t deadline_ms, int *fds, size_t fd_count)
{
    struct cpumodel_agent *agent = context;
    struct agent_job *job = make_job(id, deadline_ms, fds, fd_count);
    if (!job)
        return "there is not enough memory";
    pthread_mutex_lock(&agent->lock);
    const char *refusal = NULL;
    if (agent->stopping)
        refusal = "the agent is ending";
    else if (agent->jobs >= MAX_JOBS)
        refusal = "too many jobs wait for vCPUs that are running";
    if (!refusal) {
        job->agent = agent;
        job->connection = agent->connection;
        pthread_t thread;
        if (cpumodel_agent_thread(&thread, true, job_thread, job) < 0) {
            refusal = "no thread can be started";
        } else {
            agent->jobs++;
            agent->references++;
        }
    }
    pthread_mutex_unlock(&agent->lock);
    if (refusal)
        free_job(job, false);
    return refusal;
}
