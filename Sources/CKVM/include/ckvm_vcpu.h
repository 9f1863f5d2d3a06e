// SPDX-License-Identifier: Apache-2.0
//
// ioctls on a vCPU. KVM answers them with -EIO in every process but the one that created the VM. Each waits for the
// vCPU to leave KVM_RUN.

#ifndef CKVM_VCPU_H
#define CKVM_VCPU_H

#include <linux/kvm.h>
#include <stdint.h>

/// One step of a job: the ioctl `request` on `vcpu` with `argument` in place, made again on EINTR and EAGAIN.
/// Returns what the ioctl returned, or minus its errno.
///
/// The caller must have checked `request` and the size behind `argument`: see JobFormat.md.
int ckvm_run_step(int vcpu, uint32_t request, void *argument);

/// KVM_GET_CPUID2: the vCPU's table as KVM keeps it, runtime bits included. Returns the number of entries written,
/// also on kernels that leave `nent` as it was; -E2BIG when there are more than `capacity`.
int ckvm_vcpu_cpuid(int vcpu, struct kvm_cpuid_entry2 *entries, uint32_t capacity);

/// KVM_SET_CPUID2 with up to 256 entries. Returns 0. Success does not mean that KVM took every bit: read it back.
int ckvm_set_vcpu_cpuid(int vcpu, const struct kvm_cpuid_entry2 *entries, uint32_t count);

/// KVM_SET_MSRS with up to 255 entries, in order. Returns how many were set: KVM stops at the first it refuses.
int ckvm_set_msrs(int vcpu, const struct kvm_msr_entry *entries, uint32_t count);

/// KVM_RUN. Returns 0 when the vCPU left the guest with an exit for the VMM; -EINTR is not retried, because it is
/// how a vCPU is called back.
int ckvm_vcpu_run(int vcpu);

#endif
