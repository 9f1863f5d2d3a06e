// SPDX-License-Identifier: Apache-2.0
//
// The feature MSRs of a vCPU that has the model are the model's. A VMM writes its own idea of them once its tables are
// set; KVM would take that, or refuse it as it does not fit the model's table, and VMMs end when it does.

#ifndef PRELOAD_MSRS_H
#define PRELOAD_MSRS_H

#include "machines.h"

struct kvm_msrs;

/// KVM_SET_MSRS with the model's values in the place of the VMM's. Returns what KVM would have for the VMM's own list.
int msrs_set(int vcpu, unsigned long request, struct kvm_msrs *list, const struct msr *msrs, size_t count);

/// Adds the MSRs that a job writes to `machine`; false when they are too many.
bool msrs_of_job(int job, struct machine *machine);

#endif
