// SPDX-License-Identifier: Apache-2.0
//
// What vm.apply and table.compute both take: which CPU a VM is to have.

#ifndef CPUMODEL_GUEST_H
#define CPUMODEL_GUEST_H

#include "cpumodel.h"
#include "text.h"

/// Checks what the daemon would otherwise be asked in vain. Returns 0 or the code of `error`.
int cpumodel_guest_check(const struct cpumodel_vm *vm, struct cpumodel_error *error);

/// Adds the members of the parameters; what has its default is left out.
void cpumodel_guest_write(
    struct text *params, const struct cpumodel_vm *vm, const struct cpumodel_topology *topology);

#endif
