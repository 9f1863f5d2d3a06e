// SPDX-License-Identifier: Apache-2.0

#include "ccpuidfields.h"

static const unsigned char bytes[] = {
#embed "fields.list"
};

const size_t ccpuidfields_size = sizeof bytes;

const unsigned char *ccpuidfields_bytes(void)
{
    return bytes;
}
