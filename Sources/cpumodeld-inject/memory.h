// SPDX-License-Identifier: Apache-2.0
//
// The memory of a traced thread (process_vm_readv(2)).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

static inline bool memory_read(pid_t tid, uint64_t address, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static inline bool memory_write(pid_t tid, uint64_t address, const void *from, size_t size)
{
    struct iovec here = {(void *)(uintptr_t)from, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_writev(tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}
