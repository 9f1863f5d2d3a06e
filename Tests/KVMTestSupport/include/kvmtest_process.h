// SPDX-License-Identifier: Apache-2.0
//
// kvm-test-process, another process that does as it is told: as the owner of a VM, or as somebody who was given a vCPU
// of another's. It has one thread. A question is one packet, and so is its answer; either may carry a descriptor.

#ifndef KVMTEST_PROCESS_H
#define KVMTEST_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/// The descriptor of the socket in kvm-test-process.
enum { KVMTEST_SOCKET = 3 };

enum kvmtest_command {
    /// Opens /dev/kvm and creates a VM. The answer is the number of its descriptor there.
    KVMTEST_OWN_VM,
    /// Creates the vCPU with the id `argument`. The answer is the number of its descriptor there, and carries it.
    KVMTEST_OWN_VCPU,
    /// Makes the ioctl `argument` on `fd`, with room for its answer.
    KVMTEST_CALL,
    /// The same in a forked process, which has a copy of the memory.
    KVMTEST_CALL_IN_FORK,
    /// The same in a process that shares the memory (CLONE_VM).
    KVMTEST_CALL_IN_CLONE,
    /// Replaces the process by a new one of the same pid, which has the same descriptors.
    KVMTEST_EXECUTE,
    /// Takes the descriptor that came with it. The answer is its number there.
    KVMTEST_TAKE,
    /// Maps the page of the vCPU `fd`, struct kvm_run.
    KVMTEST_MAP,
    /// Adds `argument` to kvm_valid_regs of that page.
    KVMTEST_ADD_VALID_REGISTERS,
    /// CR4 as the page has it.
    KVMTEST_CR4_OF_PAGE,
    /// Adds `fd` to an epoll.
    KVMTEST_EPOLL,
    /// arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM) for the XSAVE component `argument`.
    KVMTEST_REQUEST_PERMISSION,
};

struct kvmtest_question {
    uint32_t command;
    int32_t fd;
    uint64_t argument;
};

/// Starts the program at `path`. Returns the socket to talk to it by, which is the caller's to close; the process ends
/// when it is closed.
int kvmtest_process_start(const char *path, pid_t *pid);

/// Asks, and returns the answer: a value, or minus an errno. `sent` goes with the question, unless it is -1; what comes
/// with the answer is in `received`, else -1, and the caller's. -ETIMEDOUT when there is no answer for long.
int64_t kvmtest_process_ask(int socket, struct kvmtest_question question, int sent, int *received);

/// Ends the process at once, if it still runs, and waits for it.
void kvmtest_process_kill(pid_t pid);

/// A packet with a descriptor, if it is not -1.
int kvmtest_send(int socket, const void *packet, uint64_t size, int fd);

/// A packet of that size, and the descriptor with it, else -1. -EPIPE at the end.
int kvmtest_receive(int socket, void *packet, uint64_t size, int *fd);

#endif
