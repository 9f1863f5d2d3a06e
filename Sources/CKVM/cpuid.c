// SPDX-License-Identifier: Apache-2.0

#include <cpuid.h>

#include "ckvm_cpuid.h"

struct ckvm_cpuid_registers ckvm_native_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct ckvm_cpuid_registers r;
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
    return r;
}
