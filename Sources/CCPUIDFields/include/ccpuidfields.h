// SPDX-License-Identifier: Apache-2.0

#ifndef CCPUIDFIELDS_H
#define CCPUIDFIELDS_H

#include <stddef.h>

/// The bytes of fields.list, without a terminating NUL.
///
/// A function, because an array of unknown length cannot be seen from Swift.
const unsigned char *ccpuidfields_bytes(void);

/// How many bytes there are.
extern const size_t ccpuidfields_size;

#endif
