// SPDX-License-Identifier: Apache-2.0
//
// A VMM that checks itself while ioctls are injected into it: registers, memory maps, errno, signals, and restarts of
// system calls. It owns a VM of two vCPUs, sends "vm.apply" by plain lines, and knows nothing of owner.execute.
//
//     selfcheck SOCKET COUNT
//
// Each of COUNT times it applies anew, while the thread that is injected (the first) is in another kind of trouble.
// Prints "ok COUNT" at its end, or what was found to be wrong.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    char text[256];
    int length = snprintf(text, sizeof text, "selfcheck: %s (errno %d)\n", what, errno);
    write(1, text, (size_t)length);
    _exit(1);
}

static void need(bool condition, const char *what)
{
    if (!condition)
        fail(what);
}

// ---- The VM, and the client ------------------------------------------------------------------------------------------

static int vcpus[2], daemon_socket;
static _Atomic int round_number, answered, done;
static _Atomic bool reads_pipe, spins;
static int pipe_ends[2], epoll;
static char answer[1 << 20];

static void make_vm(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = ioctl(kvm, KVM_CREATE_VM, 0);
    need(ioctl(vm, KVM_CREATE_IRQCHIP, 0) == 0, "KVM_CREATE_IRQCHIP");
    for (int i = 0; i < 2; i++)
        vcpus[i] = ioctl(vm, KVM_CREATE_VCPU, i);
    need(vcpus[1] >= 0, "KVM_CREATE_VCPU");
}

static void connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    daemon_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(connect(daemon_socket, (struct sockaddr *)&address, sizeof address) == 0, "connect");
}

static void apply(void)
{
    char line[256], space[CMSG_SPACE(sizeof vcpus)] = {};
    int length = snprintf(line, sizeof line,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vm.apply\",\"params\":{\"fds\":2,\"name\":\"selfcheck-%d\",\"model\":\"host\","
        "\"altered\":\"accept\",\"replace\":true,\"executor\":\"inject\"}}\n", getpid());
    struct iovec piece = {line, (size_t)length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    *control = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof vcpus)};
    memcpy(CMSG_DATA(control), vcpus, sizeof vcpus);
    need(sendmsg(daemon_socket, &message, 0) == length, "sendmsg");
    size_t size = 0;
    while (size == 0 || answer[size - 1] != '\n') {
        ssize_t came = recv(daemon_socket, answer + size, sizeof answer - 1 - size, spins ? MSG_DONTWAIT : 0);
        // With both threads in user mode, that is where the injector takes one from: the first.
        for (int i = 0; came < 0 && errno == EAGAIN && i < 200000; i++)
            asm volatile("pause");
        if (came < 0 && errno == EAGAIN)
            continue;
        need(came > 0, "recv was interrupted, or the daemon is gone");
        size += (size_t)came;
    }
    answer[size] = 0;
    if (!strstr(answer, "\"executor\":\"inject\"") || strstr(answer, "\"error\""))
        fail(answer);
}

/// The second thread: applies once for each round that the first has begun.
static void *client(void *unused)
{
    (void)unused;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (int served = 0; !done;) {
        if (round_number == served) {
            sched_yield();
            continue;
        }
        served++;
        bool writes = reads_pipe;
        apply();
        answered = served;
        syscall(SYS_futex, &answered, FUTEX_WAKE, 1, NULL, NULL, 0);
        if (writes)
            need(write(pipe_ends[1], "a", 1) == 1, "write");
    }
    return NULL;
}

// ---- What the first thread is doing ----------------------------------------------------------------------------------

static _Atomic int handled;

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

/// Spins with known values in all registers until the answer is there, and looks at them each time.
static void spin(int round)
{
    static const uint64_t pattern[16] = {
        0x1111, 0x2222222222, 0x33333333, 0x4444, 0x5555555555555555, 0x66, 0x77777777, 0x8888,
        0x9999, 0xaaaaaaaaaaaa, 0xbbbbbb, 0xcc, 0xdddddddddddddddd, 0xeeee, 0xffffffff, 0x10};
    uint64_t bad = 0;
    asm volatile(
        "mov 0(%[p]), %%r8\n mov 8(%[p]), %%r9\n mov 16(%[p]), %%r10\n mov 24(%[p]), %%r11\n"
        "mov 32(%[p]), %%r12\n mov 40(%[p]), %%r13\n mov 48(%[p]), %%r14\n mov 56(%[p]), %%r15\n"
        "mov 64(%[p]), %%rcx\n mov 72(%[p]), %%rsi\n mov 80(%[p]), %%rdi\n"
        "movdqu 0(%[p]), %%xmm0\n movdqu 32(%[p]), %%xmm7\n movdqu 64(%[p]), %%xmm15\n"
        "std\n stc\n"
        "1:\n"
        "jnc 9f\n pushfq\n testl $0x400, (%%rsp)\n lea 8(%%rsp), %%rsp\n jz 9f\n"
        "cmp 0(%[p]), %%r8\n jne 9f\n cmp 8(%[p]), %%r9\n jne 9f\n cmp 16(%[p]), %%r10\n jne 9f\n"
        "cmp 24(%[p]), %%r11\n jne 9f\n cmp 32(%[p]), %%r12\n jne 9f\n cmp 40(%[p]), %%r13\n jne 9f\n"
        "cmp 48(%[p]), %%r14\n jne 9f\n cmp 56(%[p]), %%r15\n jne 9f\n cmp 64(%[p]), %%rcx\n jne 9f\n"
        "cmp 72(%[p]), %%rsi\n jne 9f\n cmp 80(%[p]), %%rdi\n jne 9f\n"
        "movq %%xmm0, %%rax\n cmp 0(%[p]), %%rax\n jne 9f\n"
        "movq %%xmm7, %%rax\n cmp 32(%[p]), %%rax\n jne 9f\n"
        "movq %%xmm15, %%rax\n cmp 64(%[p]), %%rax\n jne 9f\n"
        "mov %[answered], %%eax\n cmp %[round], %%eax\n je 8f\n"
        "stc\n jmp 1b\n"
        "9: movq $1, %[bad]\n"
        "8: cld\n"
        : [bad] "+m"(bad)
        : [p] "d"(pattern), [answered] "m"(answered), [round] "b"(round)
        : "rax", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm7", "xmm15",
          "cc", "memory");
    need(!bad, "a register changed under a busy loop");
}

static void in_poll(int round)
{
    char byte = 0;
    errno = ENOTTY;
    while (answered != round) {
        struct pollfd poller = {.fd = pipe_ends[0], .events = POLLIN};
        need(poll(&poller, 1, 1) >= 0, "poll was interrupted");
    }
    need(write(pipe_ends[1], "x", 1) == 1 && read(pipe_ends[0], &byte, 1) == 1 && byte == 'x', "read");
    need(errno == ENOTTY, "errno changed under poll");
}

/// A read that nothing ends but the client, behind its answer.
static void in_read(int round)
{
    char byte = 0;
    errno = ENOTTY;
    need(read(pipe_ends[0], &byte, 1) == 1 && byte == 'a', "read was interrupted");
    need(errno == ENOTTY && answered == round, "errno changed under read");
}

static void in_futex(int round)
{
    int now;
    while ((now = answered) != round) {
        errno = ENOTTY;
        long result = syscall(SYS_futex, &answered, FUTEX_WAIT, now, NULL, NULL, 0);
        need(result == 0 || errno == EAGAIN, "futex was interrupted");
    }
}

static void in_nanosleep(int round)
{
    while (answered != round) {
        struct timespec time = {.tv_nsec = 2000000};
        errno = ENOTTY;
        need(nanosleep(&time, NULL) == 0 && errno == ENOTTY, "nanosleep was interrupted");
    }
}

static void in_epoll(int round)
{
    while (answered != round) {
        struct epoll_event event;
        errno = ENOTTY;
        need(epoll_wait(epoll, &event, 1, 2) == 0 && errno == ENOTTY, "epoll_wait was interrupted");
    }
}

/// A signal that is blocked stays pending, one that is not is handled once.
static void with_signals(int round)
{
    sigset_t blocked, pending, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    pthread_kill(pthread_self(), SIGUSR1);
    int handled_before = handled, sent = 0;
    while (answered != round) {
        pthread_kill(pthread_self(), SIGUSR2);
        sent++;
        sigpending(&pending);
        need(sigismember(&pending, SIGUSR1), "a pending signal was lost");
    }
    need(handled == handled_before + sent, "a signal was lost, or handled twice");
    pthread_sigmask(SIG_SETMASK, &before, &blocked);
    need(handled == handled_before + sent + 1, "the pending signal was not delivered");
    need(sigismember(&blocked, SIGUSR1) && !sigismember(&blocked, SIGUSR2), "the signal mask changed");
}

/// A signal that may only come while the thread waits interrupts it, and its handler runs once.
static void with_interrupting_signal(int round)
{
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    while (answered != round) {
        struct timespec time = {.tv_sec = 20};
        struct itimerspec soon = {.it_value.tv_nsec = 500000};
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
        timer_t timer;
        int before = handled;
        need(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0, "timer");
        need(ppoll(NULL, 0, &time, &none) == -1 && errno == EINTR, "a signal did not interrupt ppoll");
        need(handled == before + 1, "a signal was lost, or handled twice");
        timer_delete(timer);
    }
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
}

static void (*const ways[])(int) = {
    spin, in_poll, in_read, in_futex, in_nanosleep, in_epoll, with_signals, with_interrupting_signal};

// ---- Before and after ------------------------------------------------------------------------------------------------

struct state {
    char maps[64 * 1024];
    int next_descriptor;
    sigset_t mask, pending;
};

static void read_file(const char *path, char *to, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    for (ssize_t came; (came = read(file, to + length, size - 1 - length)) > 0;)
        length += (size_t)came;
    to[length] = 0;
    close(file);
}

static void take_state(struct state *state)
{
    memset(state, 0, sizeof *state);
    read_file("/proc/self/maps", state->maps, sizeof state->maps);
    state->next_descriptor = dup(0);
    close(state->next_descriptor);
    pthread_sigmask(SIG_SETMASK, NULL, &state->mask);
    sigpending(&state->pending);
}

int main(int argc, char **argv)
{
    need(argc == 3, "usage: selfcheck SOCKET COUNT");
    int count = atoi(argv[2]);
    make_vm();
    connect_to(argv[1]);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = on_signal}, NULL);
    need(pipe2(pipe_ends, O_CLOEXEC) == 0, "pipe");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    pthread_t thread;
    need(pthread_create(&thread, NULL, client, NULL) == 0, "pthread_create");
    static struct state before, after;
    // What is made once is made: stacks, the dynamic linker's memory.
    for (int round = 1; round <= count; round++) {
        void (*way)(int) = ways[(size_t)round % (sizeof ways / sizeof *ways)];
        reads_pipe = way == in_read;
        spins = way == spin;
        round_number = round;
        way(round);
        if (round == 2 * (int)(sizeof ways / sizeof *ways))
            take_state(&before);
    }
    take_state(&after);
    need(strcmp(before.maps, after.maps) == 0, "/proc/self/maps is not as it was");
    need(memcmp(&before, &after, sizeof before) == 0, "the process is not as it was");
    done = 1;
    pthread_join(thread, NULL);
    printf("ok %d\n", count);
    return 0;
}
