// SPDX-License-Identifier: Apache-2.0

/// A CPU vendor, by the 12 characters that leaf 0 returns in EBX, EDX, ECX.
public struct CPUVendor: Sendable, Hashable, CustomStringConvertible {
    /// EBX of leaf 0: the first four characters.
    public let ebx: UInt32
    /// EDX of leaf 0: the middle four characters.
    public let edx: UInt32
    /// ECX of leaf 0: the last four characters.
    public let ecx: UInt32

    /// `GenuineIntel`.
    public static let intel = CPUVendor(ebx: 0x756E_6547, edx: 0x4965_6E69, ecx: 0x6C65_746E)
    /// `AuthenticAMD`.
    public static let amd = CPUVendor(ebx: 0x6874_7541, edx: 0x6974_6E65, ecx: 0x444D_4163)
    /// `HygonGenuine`.
    public static let hygon = CPUVendor(ebx: 0x6F67_7948, edx: 0x6E65_476E, ecx: 0x656E_6975)
    /// `CentaurHauls`, also used by Zhaoxin.
    public static let centaur = CPUVendor(ebx: 0x746E_6543, edx: 0x4872_7561, ecx: 0x736C_7561)
    /// `  Shanghai  `, Zhaoxin.
    public static let zhaoxin = CPUVendor(ebx: 0x6853_2020, edx: 0x6867_6E61, ecx: 0x2020_6961)

    /// A vendor from the registers of leaf 0.
    public init(ebx: UInt32, edx: UInt32, ecx: UInt32) {
        self.ebx = ebx
        self.edx = edx
        self.ecx = ecx
    }

    /// A vendor from its string; nil unless it is 12 ASCII characters.
    public init?(_ name: String) {
        let bytes = Array(name.utf8)
        guard bytes.count == 12, bytes.allSatisfy({ $0 < 0x80 }) else { return nil }
        func register(_ start: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
        }
        self.init(ebx: register(0), edx: register(4), ecx: register(8))
    }

    /// The vendor that a table tells in leaf 0; nil when it has no such leaf or the leaf names nobody.
    public init?(table: CPUIDTable) {
        guard let leaf = table[0], leaf.ebx | leaf.ecx | leaf.edx != 0 else { return nil }
        self.init(ebx: leaf.ebx, edx: leaf.edx, ecx: leaf.ecx)
    }

    /// The 12 characters.
    public var description: String {
        let bytes = [ebx, edx, ecx].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the AMD rules hold: leaves out of range read as zero, 0x80000001.EDX repeats bits of 1.EDX.
    ///
    /// KVM's own `guest_cpuid_is_amd_or_hygon`.
    public var isAMDLike: Bool { self == .amd || self == .hygon }

    /// The bits of 1.EDX that 0x80000001.EDX repeats on an AMD-like CPU, at the same positions (AMD APM volume 3, E.4.2).
    public static let repeatedLeaf1EDX: UInt32 = 0x0183_F3FF
}
