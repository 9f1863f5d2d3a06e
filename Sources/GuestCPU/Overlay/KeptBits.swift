// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Bits of a table that an overlay has left as the VMM's own table has them.
struct KeptBits {
    /// Why they were left.
    let part: OverlayPart
    let leaves: ClosedRange<UInt32>
    /// nil for every subleaf.
    let subleaf: UInt32?
    /// nil for every register.
    let register: CPUIDRegister?
    let mask: UInt32

    init(
        _ part: OverlayPart, _ leaves: ClosedRange<UInt32>, subleaf: UInt32? = nil, _ register: CPUIDRegister? = nil,
        mask: UInt32 = .max
    ) {
        self.part = part
        self.leaves = leaves
        self.subleaf = subleaf
        self.register = register
        self.mask = mask
    }

    /// Whether all of these bits are among them.
    func include(_ bits: UInt32, _ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister) -> Bool {
        leaves.contains(leaf) && (self.subleaf ?? subleaf) == subleaf && (self.register ?? register) == register
            && bits & ~mask == 0
    }

    /// The same without who shares a cache and the ids of cores, EAX[31:14] of leaves 4 and 0x8000001D.
    var withoutSharing: [KeptBits] {
        guard part == .caches, leaves == 4...4 || leaves == 0x8000_001D...0x8000_001D else { return [self] }
        return CPUIDRegister.allCases.map { KeptBits(part, leaves, $0, mask: $0 == .eax ? 0x3FFF : .max) }
    }

    var decision: Decision { Decision(.vmm, "its own table has it so, and keeps its \(part.words)") }
}

extension OverlayPart {
    fileprivate var words: String {
        switch self {
        case .topology: "topology"
        case .caches: "caches"
        case .hypervisor: "hypervisor leaves"
        case .tsc: "TSC frequency"
        case .pmu: "performance counters"
        case .physicalAddressBits: "width of physical addresses"
        }
    }
}
