// SPDX-License-Identifier: Apache-2.0

#include <linux/kvm.h>

#include "ckvm_ioctl.h"
#include "ckvm_vm.h"

int ckvm_create_vm(int kvm)
{
    return ckvm_ioctl_number(kvm, KVM_CREATE_VM, 0);
}

int ckvm_create_irqchip(int vm)
{
    return ckvm_ioctl_number(vm, KVM_CREATE_IRQCHIP, 0);
}

int ckvm_enable_split_irqchip(int vm, uint32_t pins)
{
    struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {pins}};
    return ckvm_ioctl(vm, KVM_ENABLE_CAP, &cap);
}

int ckvm_create_vcpu(int vm, uint32_t vcpu_id)
{
    return ckvm_ioctl_number(vm, KVM_CREATE_VCPU, vcpu_id);
}

int ckvm_set_memory(int vm, uint32_t slot, uint64_t guest_address, void *memory, uint64_t size)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot, .guest_phys_addr = guest_address, .memory_size = size, .userspace_addr = (uintptr_t)memory};
    return ckvm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}
