// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How many descriptors of vCPUs may be held at a time: the limit of the process, less what connections need.
struct DescriptorBudget: Sendable {
    /// Most descriptors that may be held.
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Raises the process's own limit as far as it may, and takes three quarters of that.
    static func ofProcess() -> DescriptorBudget {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return DescriptorBudget(limit: 256) }
        limit.rlim_cur = limit.rlim_max
        if unsafe setrlimit(resource, &limit) != 0 { _ = unsafe getrlimit(resource, &limit) }
        return DescriptorBudget(limit: Int(min(limit.rlim_cur, 1 << 30)) / 4 * 3)
    }
}
