// SPDX-License-Identifier: Apache-2.0
#pragma once

// The symbolic name of an errno ("EIO") and its text in English ("Input/output error"), whatever the locale; NULL for
// a number that is none. Both are constants of the C library.
const char *clinux_errno_name(int error);
const char *clinux_errno_text(int error);
