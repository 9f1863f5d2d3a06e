// SPDX-License-Identifier: Apache-2.0

#include "restart.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/syscall.h>

/// <linux/errno.h>, which is the kernel's own.
enum { ERESTARTSYS = 512, ERESTARTNOINTR = 513, ERESTARTNOHAND = 514, ERESTART_RESTARTBLOCK = 516 };

/// Calls that may be made once more when EINTR says that nothing was done.
static bool is_repeatable(const struct user_regs_struct *registers)
{
    switch ((long)registers->orig_rax) {
    case SYS_ioctl: return (unsigned)registers->rsi == KVM_RUN;
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_rt_sigtimedwait:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_io_getevents: return true;
    default: return false;
    }
}

bool restart_hidden(struct user_regs_struct *registers)
{
    if ((long)registers->rax != -EINTR || !is_repeatable(registers))
        return false;
    registers->rax = (unsigned long long)-(long)ERESTARTNOHAND;
    return true;
}

void restart_by_hand(struct user_regs_struct *registers)
{
    restart_hidden(registers);
    if ((long)registers->orig_rax < 0)
        return;
    switch (-(long)registers->rax) {
    case ERESTARTSYS:
    case ERESTARTNOINTR:
    case ERESTARTNOHAND:
        registers->rax = registers->orig_rax;
        registers->rip -= 2;
        break;
    case ERESTART_RESTARTBLOCK: registers->rax = (unsigned long long)-(long)EINTR; break;
    default: break;
    }
    registers->orig_rax = (unsigned long long)-1L;
}
