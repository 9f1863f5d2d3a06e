// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A field of a table that KVM keeps up to date from state that is not known: it stands as it was stored.
public struct UnknownField: Sendable, Hashable {
    /// Which field.
    public let field: RuntimeField
    /// The leaf of the entry.
    public let leaf: UInt32
    /// The subleaf of the entry.
    public let subleaf: UInt32
    /// The register.
    public let register: CPUIDRegister
    /// The bits of the register.
    public let mask: UInt32
    /// What else the bits may be, if there is one other value only; nil when they may be anything.
    public let otherwise: UInt32?
    /// What would have to be known.
    public let missing: [VCPUStateSource]

    /// Whether KVM may have made these bits of the register out of what was stored.
    func allows(_ got: UInt32, stored: UInt32) -> Bool {
        guard let otherwise else { return true }
        return got & mask == stored & mask || got & mask == otherwise
    }
}

/// A table with the fields that KVM keeps up to date as a state makes them.
public struct UpdatedTable: Sendable, Hashable {
    /// The table. Fields in ``unknown`` are as they were before.
    public internal(set) var table: CPUIDTable
    /// The fields that depend on state that is not known, in order of the entries.
    public internal(set) var unknown: [UnknownField]

    /// What would have to be known to know all of the table.
    public var missing: [VCPUStateSource] { Set(unknown.flatMap(\.missing)).sorted() }
}

/// How the KVM of a host keeps the tables of its guests up to date.
///
/// Pure: it says what KVM_GET_CPUID2 will return, from the table that was set and the state of the vCPU, and what a
/// guest's CPUID will, from that. The rules are those of Linux, arch/x86/kvm/cpuid.c, of each ``KVMGeneration``.
public struct RuntimeRules: Sendable, Hashable {
    /// Which rules hold.
    public let kvm: KVMRules
    /// The sizes of the host's XSAVE components.
    private let sizes: XSAVESize
    /// XCR0 and IA32_XSS as far as KVM lets a guest have them.
    private let hostXCR0, hostXSS: UInt64
    private let hostHasXSAVE, hostHasPKU: Bool

    /// The rules of a host.
    public init(host: HostCPU) { self.init(host: host, kvm: KVMRules(host: host)) }

    /// The rules of a host if its KVM were of another generation.
    public init(host: HostCPU, kvm: KVMRules) {
        self.kvm = kvm
        sizes = XSAVESize(host: host)
        hostXCR0 = host.supported.userComponents
        hostXSS = host.supported.supervisorComponents
        // The kernel asks the CPU, not KVM, which takes PKU away without two-dimensional paging.
        let cpu = host.native.entries.isEmpty ? host.supported : host.native
        hostHasXSAVE = cpu.value(1, 0, .ecx) & 1 << 26 != 0
        hostHasPKU = cpu.value(7, 0, .ecx) & 1 << 3 != 0
    }

    /// What KVM_GET_CPUID2 returns after this table was set on a vCPU in this state.
    ///
    /// - Parameter before: the table that the vCPU had until then; an empty one where none was ever set.
    public func predicted(
        setting table: CPUIDTable, over before: CPUIDTable, state: PartialVCPUState
    ) -> UpdatedTable {
        var update = RuntimeUpdate(table)
        apply(to: &update, state: state)
        clearPVUnhalt(setting: &update, over: before, state)
        return update.result
    }

    /// What KVM_GET_CPUID2 returns in this state when it returned this table before.
    public func updated(_ stored: CPUIDTable, state: PartialVCPUState) -> UpdatedTable {
        var update = RuntimeUpdate(stored)
        apply(to: &update, state: state)
        clearPVUnhalt(updating: &update, from: stored, state)
        return update.result
    }

    private func apply(to update: inout RuntimeUpdate, state: PartialVCPUState) {
        leaf1(&update, state)
        leaf7(&update, state)
        leafD(&update, state)
        leaf12(&update)
        xen(&update)
    }

    /// OSXSAVE, APIC, MWAIT. Leaf 1 has no subleaves: its first entry counts, whatever its index.
    private func leaf1(_ update: inout RuntimeUpdate, _ state: PartialVCPUState) {
        guard let position = update.first(leaf: 1) else { return }
        if hostHasXSAVE || kvm.generation >= .linux6_14 {
            update.bit(27, of: .ecx, at: position, .osxsave, isOn: state.cr4.map { $0 & 1 << 18 != 0 }, by: .cr4)
        }
        update.bit(9, of: .edx, at: position, .apic, isOn: state.apicBase.map { $0 & 1 << 11 != 0 }, by: .apicBase)
        // PVM has no such quirk: MWAIT is as the table has it.
        guard !kvm.isPVM, state.hasMWAITQuirk != true else { return }
        let isOn = state.miscEnable.map { $0 & 1 << 18 != 0 }
        if state.hasMWAITQuirk == false {
            update.bit(3, of: .ecx, at: position, .mwait, isOn: isOn, by: .miscEnable)
        } else {
            update.maybeBit(3, of: .ecx, at: position, .mwait, isOn: isOn, by: .quirks, .miscEnable)
        }
    }

    private func leaf7(_ update: inout RuntimeUpdate, _ state: PartialVCPUState) {
        guard hostHasPKU || kvm.generation >= .linux6_14, let position = update.position(7, 0) else { return }
        update.bit(4, of: .ecx, at: position, .ospke, isOn: state.cr4.map { $0 & 1 << 22 != 0 }, by: .cr4)
    }

    /// The sizes are the host's, whatever sizes and offsets the table has.
    private func leafD(_ update: inout RuntimeUpdate, _ state: PartialVCPUState) {
        if let position = update.position(0xD, 0) {
            update.value(of: .ebx, at: position, .xsaveSize, value: state.xcr0.map(sizes.standard), by: .xcr0)
        }
        guard let position = update.position(0xD, 1), update.table.entries[position].eax & 0b1010 != 0 else { return }
        let xss = kvm.generation < .linux6_18 || supervisorLimit(of: update.table) == 0 ? 0 : state.xss
        var value: UInt32?
        if let xcr0 = state.xcr0, let xss { value = sizes.compacted(xcr0 | xss) }
        let missing = [state.xcr0 == nil ? .xcr0 : nil, xss == nil ? VCPUStateSource.xss : nil].compactMap(\.self)
        update.value(of: .ebx, at: position, .compactedSize, value: value, by: missing)
    }

    /// IA32_XSS of a guest stays within its table's and KVM's: where there is nothing, it need not be asked for.
    private func supervisorLimit(of table: CPUIDTable) -> UInt64 { table.supervisorComponents & hostXSS }

    /// The attributes of enclaves stay within XCR0 as the guest may have it; x87 and SSE are always in it.
    private func leaf12(_ update: inout RuntimeUpdate) {
        guard kvm.generation < .linux6_4, let position = update.position(0x12, 1) else { return }
        let limit = update.table.userComponents & hostXCR0
        let entry = update.table.entries[position]
        update.value(
            of: .ecx, at: position, .enclaveXCR0,
            value: entry.ecx & UInt32(truncatingIfNeeded: limit) | 3, by: [VCPUStateSource]())
        update.value(
            of: .edx, at: position, .enclaveXCR0,
            value: entry.edx & UInt32(truncatingIfNeeded: limit >> 32), by: [VCPUStateSource]())
    }

    /// Xen's TSC leaves: what they become follows from how the guest's TSC is scaled, and nobody can ask for that.
    private func xen(_ update: inout RuntimeUpdate) {
        guard kvm.generation < .linux6_15, let base = update.table.xenBase else { return }
        if let position = update.position(base | 3, 1) {
            update.value(of: .ecx, at: position, .xenTSC, value: nil, by: .tsc)
            update.value(of: .edx, at: position, .xenTSC, value: nil, by: .tsc)
        }
        if let position = update.position(base | 3, 2) {
            update.value(of: .eax, at: position, .xenTSC, value: nil, by: .tsc)
        }
    }
}
