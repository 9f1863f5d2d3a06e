// SPDX-License-Identifier: Apache-2.0
//
// Classic BPF as seccomp(2) takes it: linux/filter.h, Documentation/networking/filter.rst.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/// Runs a program on a system call: its answer, a SECCOMP_RET_ value. For what no program of the kernel's contains,
/// SECCOMP_RET_KILL_PROCESS.
uint32_t bpf_run(const struct sock_filter *program, size_t length, const struct seccomp_data *call);
