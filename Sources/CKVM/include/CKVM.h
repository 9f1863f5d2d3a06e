// SPDX-License-Identifier: Apache-2.0
//
// KVM for Swift: what of <linux/kvm.h> does not import by itself, namely ioctl(2), which is variadic, the request
// numbers, which are macros with casts, and the structures that end in a flexible array.
//
// Every function returns a value >= 0, or minus an errno. None of them keeps state, and all may be called from any
// thread. Manual: Linux Documentation/virt/kvm/api.rst, of the name given at each function.

#ifndef CKVM_H
#define CKVM_H

#include <linux/kvm.h>

#include "ckvm_cpuid.h"
#include "ckvm_job.h"
#include "ckvm_run_page.h"
#include "ckvm_system.h"
#include "ckvm_vcpu.h"
#include "ckvm_vm.h"

#endif
