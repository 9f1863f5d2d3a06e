// SPDX-License-Identifier: Apache-2.0

#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>

/// What a file is, as far as loading libraries goes.
enum image {
    IMAGE_DYNAMIC,
    IMAGE_STATIC,
    /// For another machine, or 32 bits wide.
    IMAGE_FOREIGN,
    /// Not ELF.
    IMAGE_OTHER,
};

/// Reads the headers of an open file. `interpreter` gets the path of the dynamic loader.
enum image image_read(int file, char *interpreter, size_t size);

#endif
