// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// The fields of a stored table that KVM keeps up to date from vCPU state (Linux, `kvm_update_cpuid_runtime`).
public enum RuntimeBits {
    /// The bits of a register that KVM may change at run time; 0 where it changes none.
    ///
    /// PV_UNHALT counts, although it changes when the table is set: KVM clears it where HLT does not exit.
    public static func mask(leaf: UInt32, subleaf: UInt32, register: CPUIDRegister) -> UInt32 {
        switch (leaf, subleaf, register) {
        case (1, _, .ecx): 1 << 27 | 1 << 3
        case (1, _, .edx): 1 << 9
        case (7, 0, .ecx): 1 << 4
        case (0xD, 0, .ebx), (0xD, 1, .ebx): 0xFFFF_FFFF
        case (0x4000_0001, _, .eax), (0x4000_0101, _, .eax): 1 << 7
        default: 0
        }
    }

    /// Whether a runtime feature shows in this state.
    static func isOn(_ feature: RuntimeFeature, state: VCPUState, table: CPUIDTable) -> Bool {
        switch feature {
        case .apic: state.apicBase & 1 << 11 != 0
        case .osxsave: state.cr4 & 1 << 18 != 0
        case .ospke: state.cr4 & 1 << 22 != 0
        // The quirk MISC_ENABLE_NO_MWAIT is on by default, and then the table decides.
        case .mwait: FeatureSet(table: table).contains(.monitor)
        }
    }

    /// The table with these fields as the state makes them.
    public static func updated(_ table: CPUIDTable, state: VCPUState) -> CPUIDTable {
        var result = table
        result.update(1) { entry in
            entry.ecx = entry.ecx & ~(1 << 27) | (state.cr4 & 1 << 18 != 0 ? 1 << 27 : 0)
            entry.edx = entry.edx & ~(1 << 9) | (state.apicBase & 1 << 11 != 0 ? 1 << 9 : 0)
        }
        result.update(7) { entry in
            entry.ecx = entry.ecx & ~(1 << 4) | (state.cr4 & 1 << 22 != 0 ? 1 << 4 : 0)
        }
        let sizes = XSAVESize(table: table)
        result.update(0xD, 0) { $0.ebx = sizes.standard(state.xcr0) }
        result.update(0xD, 1) { entry in
            if entry.eax & 0b1010 != 0 { entry.ebx = sizes.compacted(state.xcr0 | state.xss) }
        }
        return result
    }
}

/// The size of an XSAVE area, from the component subleaves of leaf 0xD (Intel SDM volume 1, 13.4).
public struct XSAVESize: Sendable {
    private let table: CPUIDTable
    /// Legacy region and header.
    private static let minimum: UInt32 = 0x240

    /// Sizes by the components that the table describes.
    public init(table: CPUIDTable) { self.table = table }

    /// Bytes of the standard layout for these components.
    public func standard(_ components: UInt64) -> UInt32 {
        entries(components).reduce(Self.minimum) { max($0, $1.eax + $1.ebx) }
    }

    /// Bytes of the compacted layout for these components.
    public func compacted(_ components: UInt64) -> UInt32 {
        entries(components).reduce(Self.minimum) { size, entry in
            (entry.ecx & 2 != 0 ? (size + 63) & ~63 : size) + entry.eax
        }
    }

    private func entries(_ components: UInt64) -> [CPUIDEntry] {
        (2..<63).compactMap { number in
            components & 1 << UInt64(number) == 0 ? nil : table[0xD, UInt32(number)]
        }
    }
}
