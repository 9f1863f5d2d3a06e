// SPDX-License-Identifier: Apache-2.0
//
// What Swift's Glibc module does not show of Linux: calls behind _GNU_SOURCE, calls made of macros, and headers it does
// not import. Every function returns its value, or minus the errno.
#pragma once

#include "clinux_clock.h"
#include "clinux_datagram.h"
#include "clinux_descriptor.h"
#include "clinux_epoll.h"
#include "clinux_error.h"
#include "clinux_memfd.h"
#include "clinux_message.h"
#include "clinux_process.h"
#include "clinux_signal.h"
#include "clinux_socket.h"
#include "clinux_thread.h"
