// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <sys/user.h>

/// Hides a stop from a system call that ended for it.
///
/// Most calls that a stop ends are taken up again by the kernel when the thread goes on, as long as its registers are
/// those of the stop: rax has -ERESTARTSYS or one of its kin, which no program ever sees. A few fail with EINTR even for
/// a stop (signal(7), "Interruption of system calls and library functions by stop signals"), KVM_RUN among them. They
/// are given -ERESTARTNOHAND: EINTR when a signal handler is to run, else the call once more. So a signal by which a VMM
/// gets a vCPU out of the guest is not lost.
///
/// Returns whether anything was changed.
bool restart_hidden(struct user_regs_struct *registers);

/// The same for a thread that is not in a stop in which the kernel would look at rax: what the kernel would have done.
void restart_by_hand(struct user_regs_struct *registers);
