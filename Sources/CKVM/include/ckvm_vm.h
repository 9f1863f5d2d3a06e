// SPDX-License-Identifier: Apache-2.0
//
// Making a VM of one's own, for tests and for programs that own their vCPUs.

#ifndef CKVM_VM_H
#define CKVM_VM_H

#include <stdint.h>

/// KVM_CREATE_VM. Returns the VM's descriptor, which is close-on-exec.
int ckvm_create_vm(int kvm);

/// KVM_CREATE_IRQCHIP: the whole interrupt controller in the kernel. Only before the first vCPU.
int ckvm_create_irqchip(int vm);

/// KVM_CAP_SPLIT_IRQCHIP: only the local APICs in the kernel, with `pins` interrupt routes kept free for the VMM's
/// own I/O APIC. Only before the first vCPU.
int ckvm_enable_split_irqchip(int vm, uint32_t pins);

/// KVM_CREATE_VCPU. `vcpu_id` is the initial APIC id when the local APIC is in the kernel. Returns the vCPU's
/// descriptor, which is close-on-exec.
int ckvm_create_vcpu(int vm, uint32_t vcpu_id);

/// KVM_SET_USER_MEMORY_REGION: `size` bytes at `memory` become guest memory at `guest_address`, all page-aligned.
int ckvm_set_memory(int vm, uint32_t slot, uint64_t guest_address, void *memory, uint64_t size);

#endif
