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

    /// The number that follows `prefix` in the name and ends it; nil where the name is another one.
    ///
    /// For vCPUs, of which there may be many: no string is made.
    public static func number(behind prefix: StaticString, of descriptor: CInt) -> UInt32? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
            let length = unsafe clinux_descriptor_link(directory, descriptor, buffer.baseAddress, capacity)
            let digits = prefix.utf8CodeUnitCount
            guard length > digits else { return nil }
            for place in 0..<digits {
                guard unsafe buffer[place] == CChar(bitPattern: prefix.utf8Start[place]) else { return nil }
            }
            var number: UInt32 = 0
            for place in digits..<length {
                let digit = unsafe buffer[place] - CChar(UInt8(ascii: "0"))
                guard 0...9 ~= digit else { return nil }
                let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
                let (sum, isBeyond) = tens.addingReportingOverflow(UInt32(digit))
                guard !isTooLarge, !isBeyond else { return nil }
                number = sum
            }
            return number
        }
    }
}
