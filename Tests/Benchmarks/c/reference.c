// SPDX-License-Identifier: Apache-2.0
//
// What a program must do at the least before its first answer: read the files, ask KVM what it supports, take the
// connection and the request that are waiting. The limit for the daemon's start.
//
//   reference ANSWER FILE...

#define _GNU_SOURCE
#include "lines.h"

#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
    enum { ENTRIES = 256 };
    static struct {
        struct kvm_cpuid2 header;
        struct kvm_cpuid_entry2 entries[ENTRIES];
    } supported = {.header.nent = ENTRIES};
    static char request[1 << 16];
    for (int i = 2; i < argc; i++)
        contents_of(argv[i]);
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm >= 0)
        ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &supported);
    int client = accept4(3, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0 || read(client, request, sizeof request) <= 0)
        fail("request");
    write_all(client, argv[1], strlen(argv[1]));
    write_all(client, "\n", 1);
    pause();
    return 0;
}
