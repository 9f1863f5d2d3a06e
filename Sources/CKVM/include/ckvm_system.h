// SPDX-License-Identifier: Apache-2.0
//
// ioctls on /dev/kvm itself. These work in any process that holds the descriptor.

#ifndef CKVM_SYSTEM_H
#define CKVM_SYSTEM_H

#include <linux/kvm.h>
#include <stdint.h>

/// Opens `path`, normally "/dev/kvm", with O_RDWR and O_CLOEXEC. Returns the descriptor.
int ckvm_open(const char *path);

/// KVM_GET_API_VERSION. It has been 12 since 2007, and anything else cannot be talked to.
int ckvm_api_version(int kvm);

/// KVM_CHECK_EXTENSION, on /dev/kvm or on a VM. Returns 0 when KVM does not have `capability`, else a positive
/// number whose meaning is the capability's own.
int ckvm_check_extension(int fd, uint32_t capability);

/// KVM_GET_VCPU_MMAP_SIZE: bytes of the mapping of a vCPU descriptor that begins with struct kvm_run.
int ckvm_vcpu_mmap_size(int kvm);

/// KVM_GET_SUPPORTED_CPUID: what KVM can give a guest on this host. Returns the number of entries written.
///
/// The APIC id fields (leaf 1 EBX bits 31:24, leaves 0xB and 0x1F EDX) are those of the CPU the call ran on.
/// -E2BIG when there are more than `capacity` entries; 256 is always enough.
int ckvm_supported_cpuid(int kvm, struct kvm_cpuid_entry2 *entries, uint32_t capacity);

/// KVM_GET_EMULATED_CPUID: features that KVM can emulate, slowly, where the host lacks them. As above.
int ckvm_emulated_cpuid(int kvm, struct kvm_cpuid_entry2 *entries, uint32_t capacity);

// KVM_GET_SUPPORTED_HV_CPUID, likewise; EINVAL where KVM was built without Hyper-V's interface.
int ckvm_supported_hv_cpuid(int kvm, struct kvm_cpuid_entry2 *entries, uint32_t capacity);

/// KVM_GET_MSR_FEATURE_INDEX_LIST: the MSRs that describe features of the host. Returns the number of indices
/// written; -E2BIG when there are more than `capacity`.
int ckvm_feature_msr_indices(int kvm, uint32_t *indices, uint32_t capacity);

/// KVM_GET_MSRS on /dev/kvm: the host's value of one feature MSR. Returns 0; -ENOENT when KVM has no value for it.
int ckvm_feature_msr(int kvm, uint32_t index, uint64_t *value);

/// KVM_GET_MSRS on /dev/kvm or on a vCPU: fills in `data` of up to 255 entries, in order. Returns how many were
/// read: KVM stops at the first it cannot read.
int ckvm_get_msrs(int fd, struct kvm_msr_entry *entries, uint32_t count);

#endif
