// SPDX-License-Identifier: Apache-2.0
//
// The interpreter of seccomp filters in cpumodeld-inject. The first 64 bytes are the system call, the rest is the program. What
// the kernel takes for a filter must come to an answer of its own, and never to what the interpreter does not know.

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "bpf.h"
#include "fuzz.h"

enum { MAX_INSTRUCTIONS = 512 };

/// Whether the kernel would take the program (net/core/filter.c bpf_check_classic, kernel/seccomp.c seccomp_check_filter).
static bool is_instruction(const struct sock_filter *at, size_t position, size_t length)
{
    size_t left = length - position - 1;
    switch (at->code) {
    case BPF_LD | BPF_W | BPF_ABS: return at->k % 4 == 0 && at->k < sizeof(struct seccomp_data);
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG: return true;
    case BPF_ST:
    case BPF_STX:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM: return at->k < BPF_MEMWORDS;
    case BPF_JMP | BPF_JA: return at->k < left;
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JEQ | BPF_X:
    case BPF_JMP | BPF_JGE | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_X:
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_X:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_X: return at->jt < left && at->jf < left;
    case BPF_ALU | BPF_DIV | BPF_K: return at->k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K: return at->k < 32;
    case BPF_ALU | BPF_ADD | BPF_K:
    case BPF_ALU | BPF_ADD | BPF_X:
    case BPF_ALU | BPF_SUB | BPF_K:
    case BPF_ALU | BPF_SUB | BPF_X:
    case BPF_ALU | BPF_MUL | BPF_K:
    case BPF_ALU | BPF_MUL | BPF_X:
    case BPF_ALU | BPF_DIV | BPF_X:
    case BPF_ALU | BPF_AND | BPF_K:
    case BPF_ALU | BPF_AND | BPF_X:
    case BPF_ALU | BPF_OR | BPF_K:
    case BPF_ALU | BPF_OR | BPF_X:
    case BPF_ALU | BPF_XOR | BPF_K:
    case BPF_ALU | BPF_XOR | BPF_X:
    case BPF_ALU | BPF_LSH | BPF_X:
    case BPF_ALU | BPF_RSH | BPF_X: return true;
    default: return false;
    }
}

static bool is_filter(const struct sock_filter *program, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_instruction(&program[i], i, length))
            return false;
    return length && BPF_CLASS(program[length - 1].code) == BPF_RET;
}

/// Whether the program has a return that can give the answer.
static bool returns(const struct sock_filter *program, size_t length, uint32_t answer)
{
    for (size_t i = 0; i < length; i++)
        if (BPF_CLASS(program[i].code) == BPF_RET
            && (BPF_RVAL(program[i].code) == BPF_A || program[i].k == answer))
            return true;
    return false;
}

static bool divides(const struct sock_filter *program, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (program[i].code == (BPF_ALU | BPF_DIV | BPF_X))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    struct seccomp_data call;
    if (size < sizeof call)
        return 0;
    memcpy(&call, bytes, sizeof call);
    size_t length = (size - sizeof call) / sizeof(struct sock_filter);
    if (length > MAX_INSTRUCTIONS)
        return 0;
    // Of exactly this size, so that an instruction too many is seen.
    struct sock_filter *program = malloc(length ? length * sizeof *program : 1);
    memcpy(program, bytes + sizeof call, length * sizeof *program);
    uint32_t answer = bpf_run(program, length, &call);
    REQUIRE(answer == bpf_run(program, length, &call));
    // A filter of the kernel's ends with an answer of its own, or, when it divides by zero, with 0.
    if (is_filter(program, length))
        REQUIRE(returns(program, length, answer) || (answer == 0 && divides(program, length)));
    free(program);
    return 0;
}
