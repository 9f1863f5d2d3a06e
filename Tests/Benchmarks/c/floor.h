// SPDX-License-Identifier: Apache-2.0
//
// A daemon that answers vm.apply and computes nothing: the limit of what any daemon can do. It plays back what was
// recorded of a real one, the job, what became of it, the result and the document of the VM, and makes by plain system
// calls what the protocol and its promises ask of whoever answers: each descriptor is looked at, the job is a sealed
// memfd, what comes back is held against what is expected, and the VM is on record before its owner hears of it.
//
// What can be left out is left out: other connections, who the owner is, the service manager, the journal. Whatever can
// wait until the answer is out waits.
#pragma once

#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "cpumodel.h"
#include "lines.h"

/// What a real daemon sent and wrote for a VM like those to come.
struct recording {
    unsigned vcpu_count;
    /// How many jobs there were. Only one can be played back.
    unsigned jobs;
    int steps;
    /// The job as it came, and as it went back.
    struct text job, executed;
    /// The result of vm.apply, as JSON text.
    struct text result;
    /// What the state directory had about the VM then.
    struct text document;
};

enum {
    /// The kernel's SCM_MAX_FD.
    FDS_A_MESSAGE = 253,
    FLOOR_LINE_SIZE = 4096,
};

union fd_message {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(FDS_A_MESSAGE * sizeof(int))];
};

struct floor {
    const struct recording *recording;
    const char *directory;
    int connection;
    /// /proc/self/fd
    int links;
    /// The job's place is first, so that all go out as one list. Those behind it are held until the VM is forgotten.
    int fds[1 + CPUMODEL_MAX_VCPUS];
    unsigned held;
    char line[FLOOR_LINE_SIZE];
};

static inline void floor_fault(const char *what)
{
    fprintf(stderr, "the C daemon: %s\n", what);
    exit(1);
}

/// Reads one line with its descriptors. Returns false at the end of the connection.
static inline bool floor_receive(struct floor *floor)
{
    size_t length = 0;
    do {
        union fd_message control;
        struct iovec vector = {floor->line + length, sizeof floor->line - 1 - length};
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t count = recvmsg(floor->connection, &message, MSG_CMSG_CLOEXEC);
        if (count == 0)
            return false;
        if (count < 0)
            fail("recvmsg");
        length += (size_t)count;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (!header)
            continue;
        unsigned fds = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        if (message.msg_flags & MSG_CTRUNC || floor->held + fds > floor->recording->vcpu_count)
            floor_fault("there are not as many descriptors as vCPUs");
        memcpy(floor->fds + 1 + floor->held, CMSG_DATA(header), fds * sizeof(int));
        floor->held += fds;
    } while (floor->line[length - 1] != '\n');
    floor->line[length] = '\0';
    return true;
}

/// A stranger may send anything: only a vCPU may go into a job.
static inline void floor_identify(const struct floor *floor)
{
    static const char expected[] = "anon_inode:kvm-vcpu:";
    for (unsigned i = 1; i <= floor->held; i++) {
        char name[16], link[256];
        snprintf(name, sizeof name, "%d", floor->fds[i]);
        ssize_t length = readlinkat(floor->links, name, link, sizeof link);
        if (length < (ssize_t)sizeof expected || memcmp(link, expected, sizeof expected - 1))
            floor_fault("a descriptor is no vCPU");
    }
}

/// Puts a new job in front of the descriptors. Returns where it is mapped.
static inline void *floor_make_job(struct floor *floor)
{
    const struct text *job = &floor->recording->job;
    int memory = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory < 0 || ftruncate(memory, (off_t)job->length) < 0)
        fail("memfd_create");
    void *mapping = mmap(NULL, job->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0);
    if (mapping == MAP_FAILED || fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        fail("making a job");
    memcpy(mapping, job->bytes, job->length);
    floor->fds[0] = memory;
    return mapping;
}

static inline void floor_send_job(const struct floor *floor)
{
    char line[256];
    int length = snprintf(
        line, sizeof line,
        "{\"jsonrpc\":\"2.0\",\"id\":\"job-1\",\"method\":\"owner.execute\",\"params\":{\"fds\":%u,\"version\":1,"
        "\"size\":%zu,\"steps\":%d,\"vcpus\":%u,\"deadlineMs\":10000}}\n",
        1 + floor->held, floor->recording->job.length, floor->recording->steps, floor->held);
    const int *fds = floor->fds;
    size_t left = 1 + floor->held, bytes = (size_t)length;
    for (const char *rest = line; bytes > 0;) {
        // While there are more descriptors than one message carries, a byte takes as many as it can along.
        size_t taken = left < FDS_A_MESSAGE ? left : FDS_A_MESSAGE;
        struct iovec vector = {(void *)(uintptr_t)rest, left > taken ? 1 : bytes};
        union fd_message control = {0};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        if (taken) {
            message.msg_control = &control;
            message.msg_controllen = CMSG_SPACE(taken * sizeof(int));
            struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            *header = (struct cmsghdr){CMSG_LEN(taken * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
            memcpy(CMSG_DATA(header), fds, taken * sizeof(int));
        }
        ssize_t count = sendmsg(floor->connection, &message, MSG_NOSIGNAL);
        if (count <= 0)
            fail("sendmsg");
        rest += count;
        bytes -= (size_t)count;
        fds += taken;
        left -= taken;
    }
}

/// Writes the VM's document: it is there whole or not at all, and for good, whenever the machine stops.
static inline void floor_record(const struct floor *floor)
{
    char draft[PATH_MAX], path[PATH_MAX];
    snprintf(draft, sizeof draft, "%s/.bench.json", floor->directory);
    snprintf(path, sizeof path, "%s/bench.json", floor->directory);
    int file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        fail(draft);
    write_all(file, floor->recording->document.bytes, floor->recording->document.length);
    if (fsync(file) < 0 || rename(draft, path) < 0)
        fail(path);
    close(file);
    int directory = open(floor->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fsync(directory) < 0)
        fail(floor->directory);
    close(directory);
}

static inline void floor_answer(const struct floor *floor, long long id, const struct text *result)
{
    char beginning[64];
    int length = snprintf(beginning, sizeof beginning, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":", id);
    const struct iovec parts[] = {{beginning, (size_t)length}, {result->bytes, result->length}, {"}\n", 2}};
    if (writev(floor->connection, parts, 3) != (ssize_t)(parts[0].iov_len + parts[1].iov_len + parts[2].iov_len))
        fail("writev");
}

static inline void floor_apply(struct floor *floor, long long id)
{
    const struct recording *recording = floor->recording;
    if (floor->held != recording->vcpu_count)
        floor_fault("there are not as many descriptors as vCPUs");
    floor_identify(floor);
    void *job = floor_make_job(floor);
    floor_send_job(floor);
    if (!floor_receive(floor) || !strstr(floor->line, "\"result\""))
        floor_fault("the job was not executed");
    if (memcmp(job, recording->executed.bytes, recording->executed.length))
        floor_fault("KVM did something else to this VM than to the one that was recorded");
    floor_record(floor);
    floor_answer(floor, id, &recording->result);
    munmap(job, recording->job.length);
    close(floor->fds[0]);
}

static inline void floor_forget(struct floor *floor, long long id)
{
    char path[PATH_MAX];
    static const struct text nothing = {"{}", 2};
    snprintf(path, sizeof path, "%s/bench.json", floor->directory);
    unlink(path);
    while (floor->held)
        close(floor->fds[floor->held--]);
    floor_answer(floor, id, &nothing);
}

/// Serves one connection to its end.
static inline void floor_serve(int listener, const struct recording *recording, const char *directory)
{
    static struct floor floor;
    floor.recording = recording;
    floor.directory = directory;
    floor.links = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    floor.connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (floor.links < 0 || floor.connection < 0)
        fail("accept");
    while (floor_receive(&floor)) {
        // The library writes its members always in this order.
        long long id;
        if (sscanf(floor.line, "{\"jsonrpc\":\"2.0\",\"id\":%lld,", &id) != 1)
            floor_fault("a request is not as the library writes it");
        if (strstr(floor.line, "\"method\":\"vm.apply\""))
            floor_apply(&floor, id);
        else
            floor_forget(&floor, id);
    }
}

/// Starts one in a process of its own, with its socket at this path and its document in this directory. It ends when
/// the connection to it does. Returns its pid.
static inline pid_t floor_start(const char *path, const struct recording *recording, const char *directory)
{
    int listener = listen_at(path, SOCK_CLOEXEC);
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        floor_serve(listener, recording, directory);
        _exit(0);
    }
    close(listener);
    return pid;
}
