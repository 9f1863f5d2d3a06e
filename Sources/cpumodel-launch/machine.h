// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_MACHINE_H
#define LAUNCH_MACHINE_H

#include <cpumodel.h>
#include <stddef.h>

/// A virtual machine: vCPUs, interrupt controller, and a little memory at guest address 0.
struct machine {
    int kvm, vm;
    int *vcpus;
    unsigned vcpu_count;
    unsigned char *memory;
    size_t memory_size;
    /// Where the interrupt controller is, in words.
    const char *irqchip;
};

/// Makes a machine whose vCPU ids are the APIC ids that the topology gives. Returns 0; or -1, after saying why on
/// stderr.
int machine_make(struct machine *machine, unsigned vcpu_count, const struct cpumodel_topology *topology);

void machine_end(struct machine *machine);

#endif
