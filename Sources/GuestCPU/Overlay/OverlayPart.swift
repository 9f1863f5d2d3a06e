// SPDX-License-Identifier: Apache-2.0

/// What a model that is laid over a VMM's own table leaves to the VMM.
///
/// Everything else is the model's: vendor, signature, brand string, levels, every feature word, XSAVE state components,
/// and the feature MSRs. A leaf of the VMM's that is neither kept nor known to the model is not in the result.
public enum OverlayPart: String, Sendable, Hashable, CaseIterable {
    /// Where each vCPU stands, and its APIC id: 1.EBX[31:16] with HTT and CMP_LEGACY, 0xB, 0x1F, 0x80000008.ECX,
    /// 0x8000001E, 0x80000026, and of the cache leaves 4 and 0x8000001D who shares which cache.
    case topology
    /// The caches themselves: leaves 2, 4, 0x80000005, 0x80000006, 0x8000001D.
    case caches
    /// 0x40000000 to 0x4FFFFFFF, and the bit 1.ECX[31] that tells of them.
    case hypervisor
    /// The frequency of the time stamp counter: 0x15 and 0x40000010.
    case tsc
    /// The performance counters: 0xA, 0x23, 0x80000022, and the feature bits that tell of them.
    case pmu
    /// The widths of physical addresses, 0x80000008.EAX[7:0] and [23:16]: a VMM lays out its memory by them.
    case physicalAddressBits

    /// What is kept unless a request says otherwise: what the VMM has decided for the machine around the CPU.
    public static let usual: Set<OverlayPart> = [.topology, .hypervisor, .tsc, .physicalAddressBits]
}
