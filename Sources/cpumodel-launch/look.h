// SPDX-License-Identifier: Apache-2.0

#ifndef LAUNCH_LOOK_H
#define LAUNCH_LOOK_H

#include "guest.h"
#include "table.h"

/// One CPUID answer that is not what the vCPU's table says.
struct surprise {
    uint32_t leaf, subleaf;
    const char *reg;
    uint32_t table, guest;
    /// The rule that explains it, or NULL.
    const char *rule;
};

enum { MAX_SURPRISES = 64 };

/// What the guest found.
struct sighting {
    /// Why it could not run, or empty.
    char failure[160];
    /// `long` or `real`.
    const char *mode;
    unsigned asked;
    /// The first of the surprises, all that there is room for.
    struct surprise surprises[MAX_SURPRISES];
    unsigned surprise_count;
    /// Those that no rule explains.
    unsigned unexplained;
};

/// Has the guest execute CPUID for every entry of the vCPU's table, and for some leaves that are not in it.
void look_at_all(struct guest *guest, struct sighting *sighting);

/// Adds what in the guest's answer is not as the table says.
void look_compare(
    const struct table *table, uint32_t leaf, uint32_t subleaf, const struct registers *seen,
    struct sighting *sighting);

#endif
