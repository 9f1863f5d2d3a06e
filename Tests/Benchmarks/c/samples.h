// SPDX-License-Identifier: Apache-2.0
//
// Times in microseconds, and what is reported of them: every program here prints one JSON object.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void fail(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(1);
}

static inline double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

struct samples {
    size_t count, capacity;
    double *microseconds;
};

static inline void add(struct samples *samples, double microseconds)
{
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity ? 2 * samples->capacity : 1024;
        samples->microseconds = realloc(samples->microseconds, samples->capacity * sizeof(double));
        if (!samples->microseconds)
            fail("memory");
    }
    samples->microseconds[samples->count++] = microseconds;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static inline double quantile(const struct samples *samples, double part)
{
    size_t at = (size_t)(part * (double)samples->count);
    return samples->microseconds[at < samples->count ? at : samples->count - 1];
}

/// Prints `"name":{"median":...,"p99":...,"least":...,"count":...}`.
static inline void print_samples(const char *name, struct samples *samples)
{
    if (samples->count == 0)
        fail("nothing was measured");
    qsort(samples->microseconds, samples->count, sizeof(double), ascending);
    printf(
        "\"%s\":{\"median\":%.2f,\"p99\":%.2f,\"least\":%.2f,\"count\":%zu}", name, quantile(samples, 0.5),
        quantile(samples, 0.99), quantile(samples, 0), samples->count);
}
