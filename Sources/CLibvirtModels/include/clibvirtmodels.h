// SPDX-License-Identifier: Apache-2.0

#ifndef CLIBVIRTMODELS_H
#define CLIBVIRTMODELS_H

#include <stddef.h>

/// The bytes of models.list, without a terminating NUL.
///
/// A function, because an array of unknown length cannot be seen from Swift.
const unsigned char *clibvirtmodels_bytes(void);

/// How many bytes there are.
extern const size_t clibvirtmodels_size;

#endif
