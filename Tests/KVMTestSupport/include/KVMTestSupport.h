// SPDX-License-Identifier: Apache-2.0
//
// What the tests of KVM itself need beside CKVM, which has only what the daemon does: any ioctl with any argument, a
// guest, calls that block, and a process of one's own.
//
// Every function returns a value >= 0, or minus an errno, unless it says otherwise.

#ifndef KVM_TEST_SUPPORT_H
#define KVM_TEST_SUPPORT_H

#include "kvmtest_call.h"
#include "kvmtest_guest.h"
#include "kvmtest_ioctl.h"
#include "kvmtest_process.h"

#endif
