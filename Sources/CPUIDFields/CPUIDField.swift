// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A named field of a register that CPUID returns.
public struct CPUIDField: Sendable, Hashable {
    /// The leaf.
    public let leaf: UInt32
    /// The subleaves that have the field.
    public let subleaves: ClosedRange<UInt32>
    /// The register.
    public let register: CPUIDRegister
    /// The field's bits, lowest to highest.
    public let bits: ClosedRange<UInt8>
    /// A short name.
    public let name: String
    /// What it means.
    public let meaning: String

    /// The field's bits as a mask.
    public var mask: UInt32 { Self.mask(of: bits) }

    /// These bits as a mask.
    public static func mask(of bits: ClosedRange<UInt8>) -> UInt32 {
        (UInt32.max >> UInt32(31 - (bits.upperBound - bits.lowerBound))) << UInt32(bits.lowerBound)
    }

    /// The field's value in a register.
    public func value(in register: UInt32) -> UInt32 { (register & mask) >> UInt32(bits.lowerBound) }
}
