// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What the kernel calls an open file: where its link in /proc/self/fd leads, such as `anon_inode:kvm-vcpu:0`.
///
/// Names of files begin with a slash, so no file can pass for one of the kernel's own kinds.
public enum DescriptorLink {
    /// The directory stays open: walking to it costs more than the lookup in it, and there may be a descriptor a vCPU.
    private static let directory = clinux_descriptor_directory()
    private static let capacity = 256

    /// The name, or an empty string where it is longer than any of the kernel's own, or cannot be read.
    public static func name(of descriptor: CInt) -> String {
        unsafe String(unsafeUninitializedCapacity: capacity) { buffer in
            let length = unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe clinux_descriptor_link(directory, descriptor, text.baseAddress, capacity)
            }
            return max(0, length)
        }
    }
}
