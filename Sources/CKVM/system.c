// SPDX-License-Identifier: Apache-2.0

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ckvm_ioctl.h"
#include "ckvm_job.h"
#include "ckvm_system.h"
#include "ckvm_tables.h"

int ckvm_open(const char *path)
{
    int fd;
    do {
        fd = open(path, O_RDWR | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int ckvm_api_version(int kvm)
{
    return ckvm_ioctl_number(kvm, KVM_GET_API_VERSION, 0);
}

int ckvm_check_extension(int fd, uint32_t capability)
{
    return ckvm_ioctl_number(fd, KVM_CHECK_EXTENSION, capability);
}

int ckvm_vcpu_mmap_size(int kvm)
{
    return ckvm_ioctl_number(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
}

static int host_cpuid(int kvm, unsigned long request, struct kvm_cpuid_entry2 *entries, uint32_t capacity)
{
    // KVM_GET_EMULATED_CPUID refuses padding that is not zero, and says E2BIG below 4 entries though it has 3: so the
    // kernel always gets a zeroed table of full size, and the caller's capacity is compared with what came.
    struct ckvm_cpuid_table table;
    memset(&table, 0, sizeof table);
    table.nent = CKVM_MAX_CPUID_ENTRIES;
    int status = ckvm_ioctl(kvm, request, &table);
    if (status < 0)
        return status;
    if (table.nent > capacity)
        return -E2BIG;
    memcpy(entries, table.entries, table.nent * sizeof *entries);
    return (int)table.nent;
}

int ckvm_supported_cpuid(int kvm, struct kvm_cpuid_entry2 *entries, uint32_t capacity)
{
    return host_cpuid(kvm, KVM_GET_SUPPORTED_CPUID, entries, capacity);
}

int ckvm_emulated_cpuid(int kvm, struct kvm_cpuid_entry2 *entries, uint32_t capacity)
{
    return host_cpuid(kvm, KVM_GET_EMULATED_CPUID, entries, capacity);
}

int ckvm_supported_hv_cpuid(int kvm, struct kvm_cpuid_entry2 *entries, uint32_t capacity)
{
    return host_cpuid(kvm, KVM_GET_SUPPORTED_HV_CPUID, entries, capacity);
}

int ckvm_feature_msr_indices(int kvm, uint32_t *indices, uint32_t capacity)
{
    struct kvm_msr_list *list = calloc(1, sizeof *list + (size_t)capacity * sizeof list->indices[0]);
    if (!list)
        return -ENOMEM;
    list->nmsrs = capacity;
    int status = ckvm_ioctl(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST, list);
    if (status >= 0) {
        memcpy(indices, list->indices, list->nmsrs * sizeof *indices);
        status = (int)list->nmsrs;
    }
    free(list);
    return status;
}

int ckvm_feature_msr(int kvm, uint32_t index, uint64_t *value)
{
    struct kvm_msr_entry entry = {.index = index};
    int count = ckvm_get_msrs(kvm, &entry, 1);
    if (count < 0)
        return count;
    if (count == 0)
        return -ENOENT;
    *value = entry.data;
    return 0;
}

int ckvm_get_msrs(int fd, struct kvm_msr_entry *entries, uint32_t count)
{
    struct ckvm_msr_table msrs;
    if (count > CKVM_MAX_MSR_ENTRIES)
        return -E2BIG;
    msrs.nmsrs = count;
    msrs.pad = 0;
    memcpy(msrs.entries, entries, count * sizeof *entries);
    int read = ckvm_ioctl(fd, KVM_GET_MSRS, &msrs);
    if (read > 0)
        memcpy(entries, msrs.entries, (size_t)read * sizeof *entries);
    return read;
}
