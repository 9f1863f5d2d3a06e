// SPDX-License-Identifier: Apache-2.0
//
// Holds the interpreter of cpumodeld-inject to the kernel's: random seccomp filters, and what the kernel makes a system
// call return under them.
//
//     bpf SEED PROGRAMS

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../Sources/cpumodeld-inject/bpf.h"

enum { NUMBER = SYS_getpriority, HEAD = 2, BODY = 40, TAIL = 3, LENGTH = HEAD + BODY + TAIL, RETURNS_NOTHING = -9999 };

static uint32_t any(uint32_t below)
{
    return (uint32_t)random() % below;
}

/// A constant that arithmetic finds interesting.
static uint32_t constant(void)
{
    static const uint32_t all[] = {0, 1, 2, 31, 0x7f, 0x80000000, 0xffffffff, 0x12345678, NUMBER};
    return any(2) ? all[any(sizeof all / sizeof *all)] : (uint32_t)random() << 1 ^ (uint32_t)random();
}

/// One instruction that seccomp(2) takes; `left` of the body are behind it.
static struct sock_filter instruction(uint32_t left)
{
    static const uint16_t operators[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH};
    static const uint16_t jumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
    uint32_t jump = left < 250 ? left : 250;
    switch (any(12)) {
    case 0: return (struct sock_filter){BPF_LD | BPF_W | BPF_ABS, 0, 0, 4 * any(sizeof(struct seccomp_data) / 4)};
    case 1: return (struct sock_filter){BPF_LD | BPF_IMM, 0, 0, constant()};
    case 2: return (struct sock_filter){BPF_LDX | BPF_IMM, 0, 0, constant()};
    case 3: return (struct sock_filter){any(2) ? BPF_LD | BPF_MEM : BPF_LDX | BPF_MEM, 0, 0, any(2)};
    case 4: return (struct sock_filter){any(2) ? BPF_ST : BPF_STX, 0, 0, any(2)};
    case 5: return (struct sock_filter){BPF_MISC | (any(2) ? BPF_TAX : BPF_TXA), 0, 0, 0};
    case 6: return (struct sock_filter){any(2) ? BPF_LD | BPF_W | BPF_LEN : BPF_LDX | BPF_W | BPF_LEN, 0, 0, 0};
    case 7: return (struct sock_filter){BPF_ALU | BPF_NEG, 0, 0, 0};
    case 8:
        return (struct sock_filter){
            BPF_JMP | jumps[any(4)] | (any(2) ? BPF_X : BPF_K), (uint8_t)any(jump + 1), (uint8_t)any(jump + 1), constant()};
    case 9: return (struct sock_filter){BPF_JMP | BPF_JA, 0, 0, any(left + 1) / 4};
    default: break;
    }
    uint16_t operator= operators[any(9)];
    bool is_shift = operator== BPF_LSH || operator== BPF_RSH, is_division = operator== BPF_DIV;
    uint32_t k = is_shift ? any(32) : constant();
    return (struct sock_filter){BPF_ALU | operator | (any(2) ? BPF_X : BPF_K), 0, 0, is_division && !k ? 3 : k};
}

/// Every call but one is allowed; that one fails with an errno that the body works out.
static void make_program(struct sock_filter *program)
{
    program[0] = (struct sock_filter){BPF_LD | BPF_W | BPF_ABS, 0, 0, 0};
    program[1] = (struct sock_filter){BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NUMBER};
    program[2] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    // Both slots are written before they are read, as the kernel wants it.
    program[3] = (struct sock_filter){BPF_ST, 0, 0, 0};
    program[4] = (struct sock_filter){BPF_STX, 0, 0, 1};
    for (uint32_t i = 5; i < HEAD + BODY; i++)
        program[i] = instruction(HEAD + BODY - 1 - i);
    program[HEAD + BODY] = (struct sock_filter){BPF_ALU | BPF_AND | BPF_K, 0, 0, 0x7ff};
    program[HEAD + BODY + 1] = (struct sock_filter){BPF_ALU | BPF_OR | BPF_K, 0, 0, SECCOMP_RET_ERRNO};
    program[HEAD + BODY + 2] = (struct sock_filter){BPF_RET | BPF_A, 0, 0, 0};
}

/// What the kernel has the call return; RETURNS_NOTHING when it kills for it; 1 when it does not take the program.
static long in_kernel(struct sock_filter *program, const uint64_t arguments[6], volatile long *result)
{
    const struct sock_fprog head = {LENGTH, program};
    *result = 1;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &head) < 0)
            _exit(1);
        *result = RETURNS_NOTHING;
        long value = syscall(
            NUMBER, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
        *result = value < 0 ? -errno : value;
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return *result;
}

static long here(const struct sock_filter *program, const uint64_t arguments[6])
{
    struct seccomp_data call = {.nr = NUMBER, .arch = AUDIT_ARCH_X86_64};
    memcpy(call.args, arguments, sizeof call.args);
    uint32_t answer = bpf_run(program, LENGTH, &call);
    if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_KILL_THREAD)
        return RETURNS_NOTHING;
    return (answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? -(long)(answer & SECCOMP_RET_DATA) : 2;
}

/// The address of the caller is not known here.
static bool reads_the_address(const struct sock_filter *program)
{
    for (int i = 0; i < LENGTH; i++)
        if (program[i].code == (BPF_LD | BPF_W | BPF_ABS) && (program[i].k == 8 || program[i].k == 12))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    srandom((unsigned)atoi(argv[1]));
    long *result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int compared = 0, killed = 0;
    for (int left = atoi(argv[2]); left > 0;) {
        struct sock_filter program[LENGTH];
        make_program(program);
        if (reads_the_address(program))
            continue;
        left--;
        uint64_t arguments[6];
        for (int i = 0; i < 6; i++)
            arguments[i] = (uint64_t)constant() << 32 | constant();
        long theirs = in_kernel(program, arguments, result), ours = here(program, arguments);
        if (theirs == 1)
            continue;
        if (theirs != ours) {
            printf("the kernel has %ld, the interpreter %ld, of program:\n", theirs, ours);
            for (int i = 0; i < LENGTH; i++)
                printf("  %2d: %04x %u %u %08x\n", i, program[i].code, program[i].jt, program[i].jf, program[i].k);
            return 1;
        }
        compared++;
        killed += theirs == RETURNS_NOTHING;
    }
    printf("%d compared, %d killed\n", compared, killed);
    return 0;
}
