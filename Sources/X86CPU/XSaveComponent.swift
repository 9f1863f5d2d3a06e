// SPDX-License-Identifier: Apache-2.0

/// A component of the XSAVE area.
///
/// Intel SDM volume 1, chapter 13; AMD APM volume 2, section 11.5.
public struct XSaveComponent: Sendable, Hashable {
    /// The component's number: its bit in XCR0 or IA32_XSS, and its subleaf of leaf 0xD.
    public let number: UInt8
    /// A short name, for example `pkru`.
    public let name: String
    /// The size in bytes, which is the same on all CPUs.
    public let size: UInt32
    /// The offset in the standard format on Intel CPUs; nil for supervisor components. A host has its own in leaf 0xD.
    public let standardOffset: UInt32?
    /// The features of which any brings the component.
    public let enabledBy: [Feature]
    /// Whether IA32_XSS enables it, not XCR0.
    public let isSupervisor: Bool
    /// Whether it starts on a multiple of 64 bytes in the compacted format.
    public let isAligned: Bool

    /// The component's bit of XCR0 or IA32_XSS.
    public var mask: UInt64 { 1 << UInt64(number) }
}
