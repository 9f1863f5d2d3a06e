// SPDX-License-Identifier: Apache-2.0
//
// What cpumodeld and cpumodeld-inject say to each other: a connection of a SOCK_SEQPACKET socket for each job.
//
// The daemon sends a struct cinject_request with the first descriptors, then packets of one zero byte with the rest:
// at most CINJECT_FDS_PER_PACKET on each. The first descriptor is the owner's pidfd, the second the job (JobFormat.md),
// the others its vCPUs. The helper answers with a struct cinject_reply, of which only as much is sent as is used.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    CINJECT_VERSION = 2,
    // The target says of its own seccomp filters that they kill for none of the calls: it may be served where they cannot be
    // read.
    CINJECT_TRY_FILTERED = 1,
    CINJECT_FDS_PER_PACKET = 250,
    CINJECT_MAX_VCPUS = 4096,
    CINJECT_REASON_SIZE = 512,
};

struct cinject_request {
    uint32_t version;
    uint32_t vcpu_count;
    // How long the target may be stopped.
    uint32_t deadline_ms;
    // CINJECT_TRY_FILTERED or 0.
    uint32_t flags;
};

struct cinject_reply {
    // How many steps were executed; the job's file says what they returned.
    uint32_t executed;
    // Whether the job came to its end. If not, `reason` says why: a sentence, with its terminating zero.
    uint32_t is_complete;
    char reason[CINJECT_REASON_SIZE];
};

// Has the helper at `path` run a job. Blocks until it answers, or twice the deadline and a second have passed. Returns 0
// when there is an answer; minus the errno when the helper cannot be reached or does not answer.
int cinject_run(
    const char *path, int pidfd, int job, const int *vcpus, uint32_t vcpu_count, uint32_t deadline_ms, uint32_t flags,
    struct cinject_reply *reply);
