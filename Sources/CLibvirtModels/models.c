// SPDX-License-Identifier: Apache-2.0

#include "clibvirtmodels.h"

static const unsigned char bytes[] = {
#embed "models.list"
};

const size_t clibvirtmodels_size = sizeof bytes;

const unsigned char *clibvirtmodels_bytes(void)
{
    return bytes;
}
