// SPDX-License-Identifier: Apache-2.0

#ifndef CKVM_CPUID_H
#define CKVM_CPUID_H

#include <stdint.h>

/// The four registers that the CPUID instruction writes.
struct ckvm_cpuid_registers {
    uint32_t eax, ebx, ecx, edx;
};

/// Executes CPUID on the CPU the caller happens to run on.
///
/// Intel SDM volume 2A, CPUID; AMD APM volume 3, CPUID. An unknown basic leaf does not read as zero on Intel: check
/// against the maximum leaf (leaf 0, EAX) first.
struct ckvm_cpuid_registers ckvm_native_cpuid(uint32_t leaf, uint32_t subleaf);

#endif
