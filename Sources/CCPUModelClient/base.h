// SPDX-License-Identifier: Apache-2.0

#ifndef CPUMODEL_BASE_H
#define CPUMODEL_BASE_H

#include "cpumodel.h"
#include "text.h"

/// Whether a table is there and has no more entries than KVM takes.
bool cpumodel_base_fits(const struct kvm_cpuid2 *table);

/// Writes the parameter `base` of vm.apply, with the comma before it.
void cpumodel_base_write(struct text *params, const struct kvm_cpuid2 *const *tables, unsigned count);

#endif
