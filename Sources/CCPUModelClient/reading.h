// SPDX-License-Identifier: Apache-2.0
//
// Reading an answer into structures whose memory is freed at once. Members that are absent or of the wrong type read as
// zero or empty: a later daemon may know more than this library.

#ifndef CPUMODEL_READING_H
#define CPUMODEL_READING_H

#include "cpumodel.h"
#include "json.h"

struct block;

/// What is read belongs to it. Start from zero.
struct reading {
    struct block *blocks;
    /// Memory ran out; what was read is not whole.
    bool failed;
};

/// Frees all that was read.
void cpumodel_reading_free(struct reading *reading);

/// Zeroed room for `count` things of `size` bytes, or NULL.
void *cpumodel_read_room(struct reading *reading, size_t count, size_t size);

/// A string; `fallback` when it is none.
const char *cpumodel_read_string(struct reading *reading, struct json value, const char *fallback);

/// A number that the protocol writes as an integer, or as a register; 0 when it is none.
uint32_t cpumodel_read_number(struct json value);

/// Reads an array: `*items` gets one zeroed thing of `size` bytes an element, each filled in by `read`. Returns their
/// number.
size_t cpumodel_read_array(
    struct reading *reading, struct json list, size_t size, void (*read)(struct reading *, struct json, void *),
    void **items);

/// The member `name`: a list of features and why the guest does not get them. Returns their number.
size_t cpumodel_read_features(
    struct reading *reading, struct json list, const struct cpumodel_feature **features);

#endif
