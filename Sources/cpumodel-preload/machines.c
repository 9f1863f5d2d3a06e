// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "machines.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// What is known of one descriptor. A generation tells the VM that has a number from one that had it before.
struct seen {
    enum { NOTHING, VM, VCPU } kind;
    int vm;
    unsigned generation;
};

/// One place a VM that was given the model.
struct place {
    int vm;
    unsigned generation;
    struct machine machine;
};

static struct seen *seen;
static size_t seen_count;
static struct place *places[64];
static unsigned generations;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct seen *seen_at(int fd)
{
    if (fd < 0)
        return NULL;
    if ((size_t)fd >= seen_count) {
        size_t count = ((size_t)fd + 64) * 2;
        struct seen *grown = realloc(seen, count * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + seen_count, 0, (count - seen_count) * sizeof *grown);
        seen = grown;
        seen_count = count;
    }
    return &seen[fd];
}

static bool is_seen(int fd, int kind)
{
    return fd >= 0 && (size_t)fd < seen_count && (int)seen[fd].kind == kind;
}

/// Whether the descriptor is what its link says; false also where /proc is out of reach.
static bool links_to(int fd, const char *prefix)
{
    char path[40], link[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0)
        return false;
    link[length] = 0;
    return strncmp(link, prefix, strlen(prefix)) == 0;
}

void machines_vm_created(int vm)
{
    pthread_mutex_lock(&lock);
    struct seen *entry = seen_at(vm);
    if (entry)
        *entry = (struct seen){.kind = VM, .vm = vm, .generation = ++generations};
    pthread_mutex_unlock(&lock);
}

void machines_vcpu_created(int vm, int vcpu)
{
    pthread_mutex_lock(&lock);
    unsigned generation = is_seen(vm, VM) ? seen[vm].generation : 0;
    struct seen *entry = seen_at(vcpu);
    if (entry)
        *entry = (struct seen){.kind = VCPU, .vm = vm, .generation = generation};
    pthread_mutex_unlock(&lock);
}

bool machines_is_vcpu(int fd)
{
    if (links_to(fd, "anon_inode:kvm-vcpu:"))
        return true;
    pthread_mutex_lock(&lock);
    bool is_vcpu = is_seen(fd, VCPU) && !links_to(fd, "");
    pthread_mutex_unlock(&lock);
    return is_vcpu;
}

/// Whether the VM of a place is gone: its number is closed, or another's.
static bool is_gone(const struct place *place)
{
    if (place->generation == 0)
        return false;
    return !is_seen(place->vm, VM) || seen[place->vm].generation != place->generation
        || !links_to(place->vm, "anon_inode:kvm-vm");
}

static struct place *find(int vcpu)
{
    bool known = is_seen(vcpu, VCPU);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i] && (!known || places[i]->generation == seen[vcpu].generation))
            return places[i];
    return NULL;
}

/// Takes the first place that is free, or whose VM is gone.
static struct place *make(int vcpu)
{
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        bool was_used = places[i];
        if (was_used && !is_gone(places[i]))
            continue;
        if (!was_used && !(places[i] = malloc(sizeof *places[i])))
            return NULL;
        bool known = is_seen(vcpu, VCPU);
        *places[i] = (struct place){
            .vm = known ? seen[vcpu].vm : -1,
            .generation = known ? seen[vcpu].generation : 0,
            .machine = {.ordinal = i, .takes_over = was_used}};
        return places[i];
    }
    return NULL;
}

bool machines_of(int vcpu, struct machine *machine)
{
    pthread_mutex_lock(&lock);
    struct place *place = find(vcpu);
    if (!place)
        place = make(vcpu);
    if (place)
        *machine = place->machine;
    pthread_mutex_unlock(&lock);
    return place;
}

bool machines_registered(int vcpu, struct machine *machine)
{
    pthread_mutex_lock(&lock);
    const struct place *place = find(vcpu);
    bool is_registered = place && place->machine.is_registered;
    if (is_registered)
        *machine = place->machine;
    pthread_mutex_unlock(&lock);
    return is_registered;
}

void machines_update(int vcpu, const struct machine *machine)
{
    pthread_mutex_lock(&lock);
    struct place *place = find(vcpu);
    if (place)
        place->machine = *machine;
    pthread_mutex_unlock(&lock);
}

/// To a child no VM of its parent belongs; and another thread may have held the lock, which nobody will ever give back.
static void forget_after_fork(void)
{
    static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
    lock = unlocked;
    // What that thread was changing cannot be freed: it is left, in a child that will nearly always call exec.
    memset(places, 0, sizeof places);
    seen = NULL;
    seen_count = 0;
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_after_fork);
}
