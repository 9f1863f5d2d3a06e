// SPDX-License-Identifier: Apache-2.0
//
// kvm-test-process: what tests need another process for. kvmtest_process.h says what it can be told.

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "KVMTestSupport.h"

enum { ARCH_REQ_XCOMP_GUEST_PERM_NUMBER = 0x1025, PAGE = 4096 };  // <asm/prctl.h> of Linux 5.17 and later

struct call {
    int fd;
    unsigned long request;
};

static int kvm = -1, vm = -1;
static struct kvm_run *page;

/// Room for the answer of any ioctl that a test asks for.
static char scratch[65536];

static int make_call(struct call call)
{
    memset(scratch, 0, sizeof scratch);
    return kvmtest_ioctl(call.fd, call.request, scratch);
}

/// The errno as an exit status, which has room for it.
static int make_call_and_exit(void *context)
{
    const struct call *call = context;
    int value = make_call(*call);
    _exit(value < 0 ? -value : 0);
}

static int result_of(pid_t pid)
{
    int status;
    if (pid < 0)
        return -errno;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int call_in_fork(struct call call)
{
    pid_t pid = fork();
    if (pid == 0)
        make_call_and_exit(&call);
    return result_of(pid);
}

static int call_in_clone(struct call call)
{
    static char stack[65536] __attribute__((aligned(16)));
    return result_of(clone(make_call_and_exit, stack + sizeof stack, CLONE_VM | SIGCHLD, &call));
}

static int own_vm(void)
{
    kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return -errno;
    vm = kvmtest_ioctl_number(kvm, KVM_CREATE_VM, 0);
    return vm;
}

static int map_page(int fd)
{
    void *address = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED)
        return -errno;
    page = address;
    return 0;
}

static int add_to_epoll(int fd)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    int status = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
    close(epoll);
    return status;
}

/// Only returns when it cannot be done. The new program answers.
static int execute(int fd)
{
    char *const arguments[] = {"kvm-test-process", "again", NULL};
    fcntl(fd, F_SETFD, 0);
    fcntl(vm, F_SETFD, 0);
    execv("/proc/self/exe", arguments);
    return -errno;
}

static int request_permission(unsigned long component)
{
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM_NUMBER, component) < 0 ? -errno : 0;
}

static int64_t obey(struct kvmtest_question question, int received, int *sent)
{
    struct call call = {question.fd, question.argument};
    switch (question.command) {
    case KVMTEST_OWN_VM:
        return own_vm();
    case KVMTEST_OWN_VCPU:
        *sent = kvmtest_ioctl_number(vm, KVM_CREATE_VCPU, question.argument);
        return *sent;
    case KVMTEST_CALL:
        return make_call(call);
    case KVMTEST_CALL_IN_FORK:
        return call_in_fork(call);
    case KVMTEST_CALL_IN_CLONE:
        return call_in_clone(call);
    case KVMTEST_EXECUTE:
        return execute(question.fd);
    case KVMTEST_TAKE:
        return received;
    case KVMTEST_MAP:
        return map_page(question.fd);
    case KVMTEST_ADD_VALID_REGISTERS:
        if (!page)
            return -EFAULT;
        page->kvm_valid_regs |= question.argument;
        return 0;
    case KVMTEST_CR4_OF_PAGE:
        return page ? (int64_t)page->s.regs.sregs.cr4 : -EFAULT;
    case KVMTEST_EPOLL:
        return add_to_epoll(question.fd);
    case KVMTEST_REQUEST_PERMISSION:
        return request_permission(question.argument);
    default:
        return -EINVAL;
    }
}

static int answer(int64_t value, int fd)
{
    return kvmtest_send(KVMTEST_SOCKET, &value, sizeof value, fd);
}

int main(int argc, char **argv)
{
    struct kvmtest_question question;
    int received;
    (void)argv;
    if (argc > 1 && answer(0, -1) < 0)
        return 1;
    while (kvmtest_receive(KVMTEST_SOCKET, &question, sizeof question, &received) == 0) {
        int sent = -1;
        int64_t value = obey(question, received, &sent);
        if (answer(value, sent) < 0)
            return 1;
    }
    return 0;
}
