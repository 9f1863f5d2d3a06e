// SPDX-License-Identifier: Apache-2.0

#include "bpf.h"

#include <stdbool.h>
#include <string.h>

struct machine {
    uint32_t a, x, memory[BPF_MEMWORDS];
};

/// Word `offset` of the call.
static bool load(const struct seccomp_data *call, uint32_t offset, uint32_t *value)
{
    if (offset % 4 || offset > sizeof *call - 4)
        return false;
    memcpy(value, (const char *)call + offset, sizeof *value);
    return true;
}

/// A division by zero ends the program with 0, SECCOMP_RET_KILL_THREAD, as in the kernel.
static bool calculate(struct machine *machine, uint16_t code, uint32_t operand)
{
    switch (BPF_OP(code)) {
    case BPF_ADD: machine->a += operand; return true;
    case BPF_SUB: machine->a -= operand; return true;
    case BPF_MUL: machine->a *= operand; return true;
    case BPF_DIV: machine->a /= operand ? operand : 1; return operand != 0;
    case BPF_AND: machine->a &= operand; return true;
    case BPF_OR: machine->a |= operand; return true;
    case BPF_XOR: machine->a ^= operand; return true;
    case BPF_LSH: machine->a <<= operand & 31; return true;
    case BPF_RSH: machine->a >>= operand & 31; return true;
    case BPF_NEG: machine->a = -machine->a; return true;
    default: return false;
    }
}

static bool compare(const struct machine *machine, uint16_t code, uint32_t operand)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ: return machine->a == operand;
    case BPF_JGT: return machine->a > operand;
    case BPF_JGE: return machine->a >= operand;
    default: return machine->a & operand;
    }
}

/// Everything but jumps and returns.
static bool step(struct machine *machine, const struct sock_filter *at, const struct seccomp_data *call)
{
    bool is_slot = at->k < BPF_MEMWORDS;
    switch (at->code) {
    case BPF_LD | BPF_W | BPF_ABS: return load(call, at->k, &machine->a);
    case BPF_LD | BPF_W | BPF_LEN: machine->a = sizeof *call; return true;
    case BPF_LDX | BPF_W | BPF_LEN: machine->x = sizeof *call; return true;
    case BPF_LD | BPF_IMM: machine->a = at->k; return true;
    case BPF_LDX | BPF_IMM: machine->x = at->k; return true;
    case BPF_LD | BPF_MEM: machine->a = is_slot ? machine->memory[at->k] : 0; return is_slot;
    case BPF_LDX | BPF_MEM: machine->x = is_slot ? machine->memory[at->k] : 0; return is_slot;
    case BPF_ST:
        if (is_slot)
            machine->memory[at->k] = machine->a;
        return is_slot;
    case BPF_STX:
        if (is_slot)
            machine->memory[at->k] = machine->x;
        return is_slot;
    case BPF_MISC | BPF_TAX: machine->x = machine->a; return true;
    case BPF_MISC | BPF_TXA: machine->a = machine->x; return true;
    default:
        return BPF_CLASS(at->code) == BPF_ALU
            && calculate(machine, at->code, BPF_SRC(at->code) == BPF_X ? machine->x : at->k);
    }
}

uint32_t bpf_run(const struct sock_filter *program, size_t length, const struct seccomp_data *call)
{
    struct machine machine = {};
    // Jumps lead forward only, so it ends.
    for (size_t i = 0; i < length; i++) {
        const struct sock_filter *at = &program[i];
        switch (BPF_CLASS(at->code)) {
        case BPF_RET: return BPF_RVAL(at->code) == BPF_A ? machine.a : at->k;
        case BPF_JMP:
            if (BPF_OP(at->code) == BPF_JA)
                i += at->k;
            else
                i += compare(&machine, at->code, BPF_SRC(at->code) == BPF_X ? machine.x : at->k) ? at->jt : at->jf;
            break;
        default:
            if (step(&machine, at, call))
                break;
            return BPF_CLASS(at->code) == BPF_ALU ? SECCOMP_RET_KILL_THREAD : SECCOMP_RET_KILL_PROCESS;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}
