// SPDX-License-Identifier: Apache-2.0

#ifndef CFEATUREREGISTRY_H
#define CFEATUREREGISTRY_H

#include <stddef.h>

/// The bytes of features.list, without a terminating NUL.
///
/// A function, because an array of unknown length cannot be seen from Swift.
const unsigned char *cfeatureregistry_bytes(void);

/// How many bytes there are.
extern const size_t cfeatureregistry_size;

#endif
