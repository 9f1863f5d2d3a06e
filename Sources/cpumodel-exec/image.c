// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "image.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool read_at(int file, void *to, size_t size, off_t offset)
{
    return offset >= 0 && pread(file, to, size, offset) == (ssize_t)size;
}

enum image image_read(int file, char *interpreter, size_t size)
{
    Elf64_Ehdr header;
    if (!read_at(file, &header, sizeof header.e_ident, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return IMAGE_OTHER;
    if (!read_at(file, &header, sizeof header, 0) || header.e_ident[EI_CLASS] != ELFCLASS64
        || header.e_machine != EM_X86_64 || header.e_phentsize != sizeof(Elf64_Phdr))
        return IMAGE_FOREIGN;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (!read_at(file, &segment, sizeof segment, (off_t)(header.e_phoff + i * sizeof segment)))
            return IMAGE_FOREIGN;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_filesz == 0 || segment.p_filesz > size
            || !read_at(file, interpreter, segment.p_filesz, (off_t)segment.p_offset)
            || interpreter[segment.p_filesz - 1] != 0)
            return IMAGE_FOREIGN;
        return IMAGE_DYNAMIC;
    }
    return IMAGE_STATIC;
}
