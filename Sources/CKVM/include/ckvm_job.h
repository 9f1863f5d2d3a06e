// SPDX-License-Identifier: Apache-2.0
//
// The numbers of the job format, version 1: see JobFormat.md. They are part of a contract with clients of any
// language, so they are written out here; job.c asserts that they are <linux/kvm.h>'s.

#ifndef CKVM_JOB_H
#define CKVM_JOB_H

#include <stdint.h>

/// ioctl request numbers that a job may hold.
static const uint32_t CKVM_JOB_SET_CPUID2 = 0x4008AE90;
static const uint32_t CKVM_JOB_GET_CPUID2 = 0xC008AE91;
static const uint32_t CKVM_JOB_SET_MSRS = 0x4008AE89;
static const uint32_t CKVM_JOB_GET_MSRS = 0xC008AE88;
static const uint32_t CKVM_JOB_GET_SREGS = 0x8138AE83;
static const uint32_t CKVM_JOB_GET_SREGS2 = 0x8140AECC;
static const uint32_t CKVM_JOB_GET_XCRS = 0x8188AEA6;
static const uint32_t CKVM_JOB_ENABLE_CAP = 0x4068AEA3;

/// The only capability that a job may enable: KVM_CAP_ENFORCE_PV_FEATURE_CPUID.
static const uint32_t CKVM_JOB_ENFORCE_PV_FEATURE_CPUID = 190;

/// struct kvm_sregs and kvm_sregs2: their sizes, and where the registers lie in both.
static const uint32_t CKVM_SREGS_SIZE = 312;
static const uint32_t CKVM_SREGS2_SIZE = 320;
static const uint32_t CKVM_SREGS_CR0 = 224;
static const uint32_t CKVM_SREGS_CR4 = 248;
static const uint32_t CKVM_SREGS_CR8 = 256;
static const uint32_t CKVM_SREGS_EFER = 264;
static const uint32_t CKVM_SREGS_APIC_BASE = 272;

/// struct kvm_xcrs: its size, and where the index and the value of the first register lie. It begins with their number.
static const uint32_t CKVM_XCRS_SIZE = 392;
static const uint32_t CKVM_XCRS_FIRST = 8;
static const uint32_t CKVM_XCRS_FIRST_VALUE = 16;

/// Most entries KVM takes in a struct kvm_cpuid2, and most MSRs in a struct kvm_msrs.
static const uint32_t CKVM_MAX_CPUID_ENTRIES = 256;
static const uint32_t CKVM_MAX_MSR_ENTRIES = 255;

#endif
