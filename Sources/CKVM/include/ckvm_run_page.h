// SPDX-License-Identifier: Apache-2.0
//
// The page that a vCPU shares with user space, struct kvm_run, as somebody reads it who holds the vCPU's descriptor and
// did not create the VM. No ioctl is made: it would fail, and wait for the vCPU.
//
// KVM writes apic_base at every return of KVM_RUN; and the system registers, if the bit KVM_SYNC_X86_SREGS is set in
// kvm_valid_regs. That is the only word written here that KVM reads, and only that bit of it; kvm_dirty_regs, by which
// registers are set, never is.

#ifndef CKVM_RUN_PAGE_H
#define CKVM_RUN_PAGE_H

#include <stdbool.h>
#include <stdint.h>

/// What a page says.
struct ckvm_run_page_state {
    /// IA32_APIC_BASE as of the last return of KVM_RUN; 0 when there was none.
    uint64_t apic_base;
    /// Whether the registers below were written since ckvm_run_page_mark(); where the VMM has them written for itself,
    /// whether they ever were.
    bool fresh;
    uint64_t cr0, cr4, cr8, efer;
};

/// Maps the page of a vCPU, to read and to write. Returns NULL when that is not possible.
void *ckvm_run_page_map(int vcpu);

void ckvm_run_page_unmap(void *page);

/// Whether the VMM itself has the system registers written or sets them, so that nothing of theirs may be touched.
bool ckvm_run_page_is_used(const void *page);

/// Asks KVM to write the system registers at every return of KVM_RUN from now on. Returns whether the bit was set
/// already: then it is the VMM's, and not to be taken back.
bool ckvm_run_page_request(void *page);

/// Takes the request back, and the registers that came with it: the page is as it was before.
void ckvm_run_page_cancel(void *page);

/// Makes the registers recognisable as not written: CR0 becomes 0, which it never is on x86 (bit 4, ET, is always set).
/// Not for a page that ckvm_run_page_is_used() by its VMM; nothing is written while the VMM sets registers.
void ckvm_run_page_mark(void *page);

/// Reads the page. What is read is of one return of KVM_RUN, unless the vCPU returns again and again meanwhile.
struct ckvm_run_page_state ckvm_run_page_read(const void *page);

#endif
