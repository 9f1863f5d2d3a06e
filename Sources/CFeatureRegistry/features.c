// SPDX-License-Identifier: Apache-2.0

#include "cfeatureregistry.h"

static const unsigned char bytes[] = {
#embed "features.list"
};

const size_t cfeatureregistry_size = sizeof bytes;

const unsigned char *cfeatureregistry_bytes(void)
{
    return bytes;
}
