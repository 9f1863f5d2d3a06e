// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_TOGGLE_H
#define LAUNCH_TOGGLE_H

#include <stdbool.h>

#include "guest.h"
#include "look.h"

enum { TOGGLE_LEAVES = 4 };

/// Where the guest stands after a step.
struct standing {
    /// What it was told to do: one of the words of toggle_commands().
    char step[64];
    /// Why it has not been done, or empty.
    char failure[200];
    /// What is worth knowing about it, or NULL.
    const char *note;
    /// As KVM has them.
    uint64_t cr4, xcr0, apic_base;
    /// What CPUID tells the guest, and what the vCPU's table says, in the leaves where something changes at run time.
    struct {
        uint32_t leaf, subleaf;
        /// Whether the table has it; if not, the answer is KVM's for a leaf that is not there.
        bool present;
        struct registers guest, table;
    } leaves[TOGGLE_LEAVES];
    /// What in these leaves the guest saw otherwise.
    struct sighting sighting;
};

/// A guest that changes, by its own instructions, what its CPUID follows: CR4.OSXSAVE, CR4.PKE, XCR0, IA32_APIC_BASE.
struct toggle {
    struct guest *guest;
    bool has_xsave, has_pku, has_apic;
    /// All components that its model has.
    uint64_t model_xcr0;
    /// Whether the guest's XSETBV was seen to go past KVM, as it does under QEMU's TCG.
    bool blind;
    /// Number of the step that comes next.
    unsigned next;
};

/// Learns from the vCPU's table what can be toggled. Returns 0; or -1 with the guest's `failure`.
int toggle_start(struct toggle *toggle, struct guest *guest);

/// The next step that this model can take. Returns NULL once all were taken, and begins anew after that.
const char *toggle_next(struct toggle *toggle);

/// Does what a command says, and looks. Returns 0, also when the command makes no sense for this guest, which
/// `failure` then says; or -1 with `failure` when the guest cannot run on.
int toggle_do(struct toggle *toggle, const char *command, struct standing *standing);

#endif
