// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A custom CPU template of Firecracker: what it changes in the CPUID that KVM supports, and in MSRs.
///
/// Firecracker's `docs/cpu-templates/schema.json`. The members for ARM are not part of it.
public struct FirecrackerTemplate: Sendable, Hashable {
    /// What a template does to one leaf or subleaf.
    public struct LeafModifier: Sendable, Hashable {
        /// The leaf.
        public var leaf: UInt32
        /// The subleaf, 0 where the leaf has none.
        public var subleaf: UInt32
        /// KVM's flags of the entry: 1 when the subleaf counts.
        public var flags: UInt32
        /// What becomes of the registers; those left out stay.
        public var registers: [CPUIDRegister: BitPattern]

        /// A modifier of a leaf.
        public init(leaf: UInt32, subleaf: UInt32, flags: UInt32, registers: [CPUIDRegister: BitPattern]) {
            self.leaf = leaf
            self.subleaf = subleaf
            self.flags = flags
            self.registers = registers
        }

        /// Which subleaves the entry answers.
        var match: SubleafMatch { flags & 1 == 0 ? .any : .exact(subleaf) }
    }

    /// What a template does to one MSR.
    public struct MSRModifier: Sendable, Hashable {
        /// The MSR.
        public var index: UInt32
        /// What becomes of its 64 bits.
        public var pattern: BitPattern

        /// A modifier of an MSR.
        public init(index: UInt32, pattern: BitPattern) {
            self.index = index
            self.pattern = pattern
        }
    }

    /// Numbers of capabilities that Firecracker shall demand of KVM besides its own, or with `!` before, not demand.
    public var kvmCapabilities: [String]
    /// The changes to CPUID, in order.
    public var leaves: [LeafModifier]
    /// The changes to MSRs, in order.
    public var msrs: [MSRModifier]

    /// A template from its parts.
    public init(kvmCapabilities: [String] = [], leaves: [LeafModifier] = [], msrs: [MSRModifier] = []) {
        self.kvmCapabilities = kvmCapabilities
        self.leaves = leaves
        self.msrs = msrs
    }

    /// Whether the template leaves nothing as it was in any leaf and MSR it names: then it is the whole CPUID of a
    /// guest, such as `cpu-template-helper` dumps.
    public var isTotal: Bool {
        !leaves.isEmpty && msrs.allSatisfy { $0.pattern.isTotal(width: 64) }
            && leaves.allSatisfy { leaf in
                CPUIDRegister.allCases.allSatisfy { leaf.registers[$0]?.isTotal(width: 32) == true }
            }
    }

    /// The table after the template.
    ///
    /// A leaf that the table does not have stays out, and is told: Firecracker refuses to start then.
    public func applied(to table: CPUIDTable) -> (table: CPUIDTable, missing: [LeafModifier]) {
        var result = table
        var missing: [LeafModifier] = []
        for modifier in leaves {
            guard result[modifier.leaf, modifier.subleaf] != nil else {
                missing.append(modifier)
                continue
            }
            result.update(modifier.leaf, modifier.subleaf) { entry in
                for (register, pattern) in modifier.registers {
                    entry[register] = UInt32(truncatingIfNeeded: pattern.applied(to: UInt64(entry[register])))
                }
            }
        }
        return (result, missing)
    }

    /// MSR values after the template; an MSR without a value counts as 0.
    public func applied(to values: [UInt32: UInt64]) -> [UInt32: UInt64] {
        var result = values
        for modifier in msrs { result[modifier.index] = modifier.pattern.applied(to: values[modifier.index] ?? 0) }
        return result
    }
}
