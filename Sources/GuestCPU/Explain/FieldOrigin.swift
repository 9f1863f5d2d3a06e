// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Who decides bits that are no features: a line of the tables that stand beside the code of each family of leaves.
struct FieldOrigin: Sendable {
    let leaves: ClosedRange<UInt32>
    /// nil for every subleaf.
    let subleaf: UInt32?
    /// nil for every register.
    let register: CPUIDRegister?
    let mask: UInt32
    let decision: Decision

    /// The bits of one leaf, all of them unless `mask` says which.
    init(
        _ leaf: UInt32, subleaf: UInt32? = nil, _ register: CPUIDRegister? = nil, mask: UInt32 = .max,
        by decider: Decision.Decider, _ reason: String
    ) {
        self.init(leaf...leaf, subleaf: subleaf, register, mask: mask, by: decider, reason)
    }

    /// The bits of several leaves.
    init(
        _ leaves: ClosedRange<UInt32>, subleaf: UInt32? = nil, _ register: CPUIDRegister? = nil, mask: UInt32 = .max,
        by decider: Decision.Decider, _ reason: String
    ) {
        self.leaves = leaves
        self.subleaf = subleaf
        self.register = register
        self.mask = mask
        decision = Decision(decider, reason)
    }

    private func decides(_ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, bit: UInt8) -> Bool {
        leaves.contains(leaf) && (self.subleaf ?? subleaf) == subleaf && (self.register ?? register) == register
            && mask & 1 << UInt32(bit) != 0
    }

    /// The first line that speaks of a bit.
    static func decision(_ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, bit: UInt8) -> Decision? {
        all.first { $0.decides(leaf, subleaf, register, bit: bit) }?.decision
    }

    /// All lines; where two speak of a bit, the first is right.
    private static let all: [FieldOrigin] =
        Leaf0.origins + Leaf1.origins + CacheLeaves.origins + PowerLeaves.origins + Leaf7.origins + PMULeaves.origins
        + TopologyLeaves.origins + XSAVELeaves.origins + SGXLeaves.origins + ProcessorTraceLeaf.origins
        + FrequencyLeaves.origins + AMXLeaves.origins + AVX10Leaves.origins + KVMLeaves.origins
        + BrandString.origins + ExtendedLeaves.origins
}
