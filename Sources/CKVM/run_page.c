// SPDX-License-Identifier: Apache-2.0

#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>

#include "ckvm_run_page.h"

enum {
    /// struct kvm_run is on the first page of the mapping.
    PAGE = 4096,
    READ_ATTEMPTS = 8,
};

_Static_assert(sizeof(struct kvm_run) <= PAGE, "struct kvm_run");

void *ckvm_run_page_map(int vcpu)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    return page == MAP_FAILED ? NULL : page;
}

void ckvm_run_page_unmap(void *page)
{
    munmap(page, PAGE);
}

static uint64_t load(const __u64 *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

bool ckvm_run_page_request(void *page)
{
    struct kvm_run *run = page;
    return __atomic_fetch_or(&run->kvm_valid_regs, KVM_SYNC_X86_SREGS, __ATOMIC_ACQ_REL) & KVM_SYNC_X86_SREGS;
}

static bool is_set_by_vmm(const struct kvm_run *run)
{
    return load(&run->kvm_dirty_regs) & KVM_SYNC_X86_SREGS;
}

bool ckvm_run_page_is_used(const void *page)
{
    const struct kvm_run *run = page;
    return is_set_by_vmm(run) || load(&run->kvm_valid_regs) & KVM_SYNC_X86_SREGS;
}

void ckvm_run_page_mark(void *page)
{
    struct kvm_run *run = page;
    if (!is_set_by_vmm(run))
        __atomic_store_n(&run->s.regs.sregs.cr0, 0, __ATOMIC_RELEASE);
}

void ckvm_run_page_cancel(void *page)
{
    struct kvm_run *run = page;
    __atomic_fetch_and(&run->kvm_valid_regs, ~(__u64)KVM_SYNC_X86_SREGS, __ATOMIC_ACQ_REL);
    if (!is_set_by_vmm(run))
        memset(&run->s.regs.sregs, 0, sizeof run->s.regs.sregs);
}

static struct ckvm_run_page_state read_once(const struct kvm_run *run)
{
    const struct kvm_sregs *sregs = &run->s.regs.sregs;
    struct ckvm_run_page_state state = {.apic_base = load(&run->apic_base), .cr0 = load(&sregs->cr0)};
    state.cr4 = load(&sregs->cr4);
    state.cr8 = load(&sregs->cr8);
    state.efer = load(&sregs->efer);
    state.fresh = state.cr0 != 0;
    return state;
}

static bool is_same(const struct ckvm_run_page_state *a, const struct ckvm_run_page_state *b)
{
    return a->apic_base == b->apic_base && a->cr0 == b->cr0 && a->cr4 == b->cr4 && a->cr8 == b->cr8
        && a->efer == b->efer;
}

struct ckvm_run_page_state ckvm_run_page_read(const void *page)
{
    struct ckvm_run_page_state state = read_once(page);
    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        struct ckvm_run_page_state again = read_once(page);
        if (is_same(&state, &again))
            break;
        state = again;
    }
    return state;
}
