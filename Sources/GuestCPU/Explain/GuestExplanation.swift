// SPDX-License-Identifier: Apache-2.0

import CPUIDFields
public import CPUModels
public import X86CPU

/// Every register of one vCPU's table, field by field: what it is called, what it holds, and who decided it.
public struct GuestExplanation: Sendable {
    /// One register of one entry.
    public struct Register: Sendable {
        /// The leaf.
        public let leaf: UInt32
        /// The subleaf; nil for a leaf without.
        public let subleaf: UInt32?
        /// The register.
        public let register: CPUIDRegister
        /// Its value.
        public let value: UInt32
        /// Its fields, from the lowest bit. Bits that have no name and are zero are left out.
        public let fields: [Field]
    }

    /// One field.
    public struct Field: Sendable, Hashable {
        /// Its bits.
        public let bits: ClosedRange<UInt8>
        /// Its name: for a feature QEMU's, where it has one; nil for bits that nobody has named.
        public let name: String?
        /// What it means; nil where nobody says.
        public let meaning: String?
        /// Its value.
        public let value: UInt32
        /// Who decided it.
        public let decision: Decision
    }

    /// The registers in the order of the table.
    public let registers: [Register]

    /// Explains the table of one vCPU.
    ///
    /// - Parameters:
    ///   - guest: the guest as it was computed.
    ///   - vcpu: the vCPU's place in topology order.
    ///   - history: the versions of the guest's model; they tell since when it has what it has.
    ///   - held: the table that KVM holds, where it is known: what differs from the computed one is KVM's doing.
    ///   - isWanted: which leaves and subleaves to explain.
    public init(
        of guest: GuestCPU, vcpu: Int, history: [CPUModelVersion], held: CPUIDTable? = nil,
        isWanted: (UInt32, UInt32) -> Bool = { _, _ in true }
    ) {
        self.init(
            of: guest, asked: guest.table(ofVCPU: vcpu), kept: [], history: history, held: held, isWanted: isWanted)
    }

    /// Explains the table of one vCPU of an overlay.
    ///
    /// - Parameters:
    ///   - overlay: the model laid over the VMM's own tables.
    ///   - vcpu: the vCPU's place in the request.
    ///   - history: the versions of the guest's model.
    ///   - held: the table that KVM holds, where it is known.
    ///   - isWanted: which leaves and subleaves to explain.
    public init(
        of overlay: Overlay, vcpu: Int, history: [CPUModelVersion], held: CPUIDTable? = nil,
        isWanted: (UInt32, UInt32) -> Bool = { _, _ in true }
    ) {
        let draft = overlay.draft(ofVCPU: vcpu)
        self.init(
            of: overlay.guest, asked: draft.finished(), kept: draft.kept, history: history, held: held,
            isWanted: isWanted)
    }

    private init(
        of guest: GuestCPU, asked table: CPUIDTable, kept: [KeptBits], history: [CPUModelVersion], held: CPUIDTable?,
        isWanted: (UInt32, UInt32) -> Bool
    ) {
        let explainer = RegisterExplainer(
            features: FeatureDecisions(guest, history: history), asked: table, kept: kept, isHeld: held != nil)
        registers = (held ?? table).entries.flatMap { entry in
            isWanted(entry.leaf, entry.subleaf.index)
                ? CPUIDRegister.allCases.map { explainer.register($0, of: entry) } : []
        }
    }
}

/// Takes a register apart.
private struct RegisterExplainer {
    let features: FeatureDecisions
    let asked: CPUIDTable
    /// What is not the model's but the VMM's.
    let kept: [KeptBits]
    let isHeld: Bool

    func register(_ register: CPUIDRegister, of entry: CPUIDEntry) -> GuestExplanation.Register {
        let (leaf, subleaf) = (entry.leaf, entry.subleaf.index)
        var hasSubleaf = false
        if case .exact = entry.subleaf { hasSubleaf = true }
        let value = entry[register]
        var fields: [GuestExplanation.Field] = []
        var rest = UInt32.max
        for field in CPUIDFields.shared.fields(leaf, subleaf, register) where field.mask & rest == field.mask {
            rest &= ~field.mask
            fields.append(
                self.field(leaf, subleaf, register, field.bits, field.name, field.meaning, field.value(in: value)))
        }
        for bit in UInt8(0)..<32 where rest & 1 << UInt32(bit) != 0 {
            let feature = FeatureWord(leaf: leaf, subleaf: subleaf, register: register).flatMap {
                Feature($0, bit: bit)
            }
            let isNamed = feature.map { FeatureRegistry.shared.named.contains($0) } ?? false
            let isSet = value & 1 << UInt32(bit) != 0
            guard isNamed || isSet else { continue }
            fields.append(field(leaf, subleaf, register, bit...bit, nil, nil, isSet ? 1 : 0))
        }
        return GuestExplanation.Register(
            leaf: leaf, subleaf: hasSubleaf ? subleaf : nil, register: register, value: value,
            fields: fields.sorted { $0.bits.lowerBound < $1.bits.lowerBound })
    }

    private func field(
        _ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, _ bits: ClosedRange<UInt8>, _ name: String?,
        _ meaning: String?, _ value: UInt32
    ) -> GuestExplanation.Field {
        var feature: Feature?
        if bits.count == 1, let word = FeatureWord(leaf: leaf, subleaf: subleaf, register: register) {
            feature = Feature(word, bit: bits.lowerBound).flatMap {
                FeatureRegistry.shared.named.contains($0) ? $0 : nil
            }
        }
        return GuestExplanation.Field(
            bits: bits, name: feature.map { FeatureRegistry.shared.name(of: $0) } ?? name, meaning: meaning,
            value: value,
            decision: decision(leaf, subleaf, register, bits, feature, value))
    }

    private func decision(
        _ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, _ bits: ClosedRange<UInt8>, _ feature: Feature?,
        _ value: UInt32
    ) -> Decision {
        let mask = CPUIDField.mask(of: bits)
        let wanted = (asked.value(leaf, subleaf, register) & mask) >> UInt32(bits.lowerBound)
        if isHeld, wanted != value {
            let runtime = RuntimeBits.mask(leaf: leaf, subleaf: subleaf, register: register)
            if runtime & mask == mask {
                return Decision(.runtime, "KVM keeps it up to date from the vCPU's state")
            }
            guard asked[leaf, subleaf] != nil else { return Decision(.kvm, "KVM added the entry") }
            return Decision(.kvm, "0x\(String(wanted, radix: 16)) was asked for, and KVM made it what it is")
        }
        if let kept = kept.last(where: { $0.include(mask, leaf, subleaf, register) }) { return kept.decision }
        if isCopy(leaf, register, bits.lowerBound) {
            return Decision(.architecture, "AMD's CPUs repeat the bit of leaf 1 here")
        }
        if let feature { return features.decision(for: feature) }
        if let decision = FieldOrigin.decision(leaf, subleaf, register, bit: bits.lowerBound) { return decision }
        return Decision(.architecture, "reserved, or zero for every guest")
    }

    private func isCopy(_ leaf: UInt32, _ register: CPUIDRegister, _ bit: UInt8) -> Bool {
        leaf == 0x8000_0001 && register == .edx && CPUVendor.repeatedLeaf1EDX & 1 << UInt32(bit) != 0
    }
}
