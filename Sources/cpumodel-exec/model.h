// SPDX-License-Identifier: Apache-2.0

#ifndef MODEL_H
#define MODEL_H

#include "options.h"

#include <stddef.h>

/// Asks the daemon, before the command is started, whether this host can give the model. True also, with a warning on
/// standard error, when the daemon is away and that is to be no obstacle. Else false with a sentence in `reason`.
bool model_is_fit(const struct options *options, char *reason, size_t size);

#endif
