// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a VMM beside cpumodel-exec's library, in front of it: after each KVM_SET_CPUID2 it writes down what the
// VMM asked for and, by its own KVM_GET_CPUID2, what KVM has then. One JSON object a line, into the file $TAP_OUT.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void print_table(FILE *out, const char *name, const struct kvm_cpuid2 *table)
{
    fprintf(out, "\"%s\": [", name);
    for (uint32_t i = 0; i < table->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &table->entries[i];
        fprintf(
            out, "%s[%u, %u, %u, %u, %u, %u, %u]", i ? ", " : "", e->function, e->index, e->flags, e->eax, e->ebx,
            e->ecx, e->edx);
    }
    fprintf(out, "]");
}

static void record(int fd, int result, const struct kvm_cpuid2 *asked)
{
    static union {
        struct kvm_cpuid2 table;
        char room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
    } now;
    char path[40], link[64] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, link, sizeof link - 1) < 0)
        return;
    pthread_mutex_lock(&lock);
    FILE *out = fopen(getenv("TAP_OUT"), "ae");
    now.table.nent = 256;
    if (out && ioctl(fd, KVM_GET_CPUID2, &now.table) == 0) {
        fprintf(out, "{\"vcpu\": \"%s\", \"result\": %d, ", link, result);
        print_table(out, "asked", asked);
        fprintf(out, ", ");
        print_table(out, "has", &now.table);
        fprintf(out, "}\n");
    }
    if (out)
        fclose(out);
    pthread_mutex_unlock(&lock);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    static _Thread_local int depth;
    depth++;
    int result = next(fd, request, argument), saved = errno;
    depth--;
    // The ioctls of the job come by here too, as calls within a call.
    if ((uint32_t)request == KVM_SET_CPUID2 && depth == 0)
        record(fd, result, argument);
    errno = saved;
    return result;
}
