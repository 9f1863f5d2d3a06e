// SPDX-License-Identifier: Apache-2.0
//
// A job from a hostile sender, who writes into the file while it is executed: the checker and the executor of the C client.
// The first byte is the number of vCPUs, the second how many bytes of the end are edits, of six bytes each: a place, and
// what is written there. One is made before each step is run.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "job.h"

enum { EDIT_SIZE = 6, LARGEST_ARGUMENT = 8 + 256 * 40 };

struct sender {
    int job;
    off_t size;
    const unsigned char *edits, *end;
    unsigned vcpu_count;
    uint32_t steps;
};

/// How large an argument of a request is, by the first word of it: what KVM would read and write. 0 for one that must not
/// be made.
static size_t needed_size(uint32_t request, uint32_t first)
{
    switch (request) {
    case 0x4008AE90:
    case 0xC008AE91: return first <= 256 ? 8 + first * 40 : 0;
    case 0x4008AE89:
    case 0xC008AE88: return first <= 255 ? 8 + first * 16 : 0;
    case 0x8138AE83: return 312;
    case 0x8140AECC: return 320;
    case 0x8188AEA6: return 392;
    case 0x4068AEA3: return first == 190 ? 104 : 0;
    default: return 0;
    }
}

static int32_t run(void *context, unsigned vcpu, uint32_t request, unsigned char *argument, size_t size)
{
    struct sender *sender = context;
    sender->steps++;
    REQUIRE(vcpu < sender->vcpu_count);
    if (sender->end - sender->edits >= EDIT_SIZE) {
        uint16_t place;
        memcpy(&place, sender->edits, sizeof place);
        REQUIRE(pwrite(sender->job, sender->edits + 2, 4, place % (sender->size - 3)) == 4);
        sender->edits += EDIT_SIZE;
    }
    // Only now, when the sender has had his say: as KVM, which reads the count itself.
    uint32_t first;
    REQUIRE(size >= sizeof first && size <= LARGEST_ARGUMENT);
    memcpy(&first, argument, sizeof first);
    size_t needed = needed_size(request, first);
    REQUIRE(needed && needed <= size);
    memset(argument, (int)sender->steps, needed);
    return argument[0] % 3 ? (int32_t)sender->steps : -7;
}

static int make_file(const unsigned char *job, size_t size)
{
    int file = memfd_create("job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(file >= 0 && write(file, job, size) == (ssize_t)size);
    REQUIRE(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
    return file;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    if (size < 2)
        return 0;
    unsigned vcpu_count = bytes[0] % 8;
    size_t edits_size = bytes[1] % 64 * EDIT_SIZE, job_size = size - 2;
    edits_size = edits_size < job_size ? edits_size : 0;
    job_size -= edits_size;
    // Of exactly this size, so that a byte too many is seen.
    unsigned char *job = malloc(job_size);
    memcpy(job, bytes + 2, job_size);
    char reason[256] = "";
    int64_t steps = cpumodel_job_check(job, job_size, vcpu_count, reason, sizeof reason);
    REQUIRE(steps == -1 ? *reason != 0 : steps > 0 && (uint64_t)steps <= job_size / 48);
    free(job);
    if (job_size < 4)
        return 0;

    struct sender sender = {
        .job = make_file(bytes + 2, job_size), .size = (off_t)job_size, .edits = bytes + size - edits_size,
        .end = bytes + size, .vcpu_count = vcpu_count};
    bool is_complete = false;
    int executed =
        cpumodel_job_run(sender.job, vcpu_count, run, &sender, &is_complete, reason, sizeof reason);
    REQUIRE((executed < 0) == (steps < 0));
    REQUIRE(steps < 0 ? sender.steps == 0 : (uint32_t)executed == sender.steps && executed <= steps);
    REQUIRE(!is_complete || executed > 0);
    bool only_reads = cpumodel_job_only_reads(sender.job, vcpu_count, reason, sizeof reason);
    REQUIRE(only_reads || *reason);
    close(sender.job);
    return 0;
}
