// SPDX-License-Identifier: Apache-2.0
//
// Ways to be a bad client, for the daemon's tests. Everything happens in the executor that libcpumodel lets a VMM
// replace, so the library itself has no such thing in it.

#ifndef LAUNCH_MISBEHAVE_H
#define LAUNCH_MISBEHAVE_H

#include <cpumodel.h>
#include <stdio.h>

/// The executor that misbehaves as `mode` says; NULL when there is no such mode. Its context is the connection.
cpumodel_executor *misbehave_find(const char *mode);

/// Prints the names of all modes, each after `before_each`.
void misbehave_list(FILE *out, const char *before_each);

#endif
