// SPDX-License-Identifier: Apache-2.0

import CLinux

/// What may happen when a descriptor is closed.
public enum ClosingCost: UInt8, Sendable {
    /// Nothing worth a thread.
    case none
    /// It ends, but there may be a VM or gigabytes of memory to free first.
    case finite
    /// It depends on somebody else.
    case unknown

    /// Judged by the kernel's name for it, and by the seals that only memory files have.
    init(ofClosing number: CInt) {
        let link = DescriptorLink.name(of: number)
        // Linux 6.9 has given pidfds a file system of their own.
        if link.hasPrefix("pidfd:") || link == "anon_inode:[pidfd]" || link.hasPrefix("pipe:") {
            self = .none
        } else if link.hasPrefix("anon_inode:") || clinux_memfd_get_seals(number) >= 0 {
            self = .finite
        } else {
            self = .unknown
        }
    }
}
