// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// A table on its way to be up to date: changes what is known, and notes what is not.
struct RuntimeUpdate {
    private(set) var result: UpdatedTable

    var table: CPUIDTable { result.table }

    init(_ table: CPUIDTable) { result = UpdatedTable(table: table, unknown: []) }

    /// The first entry of a leaf without subleaves.
    func first(leaf: UInt32) -> Int? { table.entries.firstIndex { $0.leaf == leaf } }

    /// The entry that answers a request.
    func position(_ leaf: UInt32, _ subleaf: UInt32) -> Int? {
        table.entries.firstIndex { $0.leaf == leaf && $0.subleaf.answers(subleaf) }
    }

    /// A bit that is as the state makes it.
    mutating func bit(
        _ bit: UInt32, of register: CPUIDRegister, at position: Int, _ field: RuntimeField, isOn: Bool?,
        by source: VCPUStateSource
    ) {
        if let isOn {
            put(isOn ? 1 << bit : 0, mask: 1 << bit, register, position)
        } else {
            note(field, register, position, mask: 1 << bit, otherwise: nil, [source])
        }
    }

    /// A bit that is cleared, or stays as it is, which of the two is not known.
    mutating func maybeCleared(
        _ bit: UInt32, of register: CPUIDRegister, at position: Int, _ field: RuntimeField,
        by missing: [VCPUStateSource]
    ) {
        let mask: UInt32 = 1 << bit
        guard table.entries[position][register] & mask != 0 else { return }
        note(field, register, position, mask: mask, otherwise: 0, missing)
    }

    /// A bit that is as the state makes it, or stays as it is, which of the two is not known.
    mutating func maybeBit(
        _ bit: UInt32, of register: CPUIDRegister, at position: Int, _ field: RuntimeField, isOn: Bool?,
        by switching: VCPUStateSource, _ source: VCPUStateSource
    ) {
        let mask: UInt32 = 1 << bit
        guard let isOn else {
            return note(field, register, position, mask: mask, otherwise: nil, [source, switching])
        }
        guard (table.entries[position][register] & mask != 0) != isOn else { return }
        note(field, register, position, mask: mask, otherwise: isOn ? mask : 0, [switching])
    }

    /// A whole register.
    mutating func value(
        of register: CPUIDRegister, at position: Int, _ field: RuntimeField, value: UInt32?, by source: VCPUStateSource
    ) {
        self.value(of: register, at: position, field, value: value, by: [source])
    }

    /// A whole register.
    mutating func value(
        of register: CPUIDRegister, at position: Int, _ field: RuntimeField, value: UInt32?,
        by missing: [VCPUStateSource]
    ) {
        if let value {
            put(value, mask: .max, register, position)
        } else {
            note(field, register, position, mask: .max, otherwise: nil, missing)
        }
    }

    private mutating func put(_ value: UInt32, mask: UInt32, _ register: CPUIDRegister, _ position: Int) {
        let old = table.entries[position][register]
        guard old & mask != value else { return }
        result.table.update(at: position) { $0[register] = old & ~mask | value }
    }

    private mutating func note(
        _ field: RuntimeField, _ register: CPUIDRegister, _ position: Int, mask: UInt32, otherwise: UInt32?,
        _ missing: [VCPUStateSource]
    ) {
        let entry = table.entries[position]
        result.unknown.append(
            UnknownField(
                field: field, leaf: entry.leaf, subleaf: entry.subleaf.index, register: register, mask: mask,
                otherwise: otherwise, missing: missing))
    }
}

extension CPUIDTable {
    /// The user state components of leaf 0xD.0, EDX:EAX.
    var userComponents: UInt64 { UInt64(value(0xD, 0, .edx)) << 32 | UInt64(value(0xD, 0, .eax)) }

    /// The supervisor state components of leaf 0xD.1, EDX:ECX.
    var supervisorComponents: UInt64 { UInt64(value(0xD, 1, .edx)) << 32 | UInt64(value(0xD, 1, .ecx)) }

    /// The first leaf of KVM's own, found by its signature, as KVM finds it.
    var kvmBase: UInt32? { hypervisorBase(ebx: 0x4B4D_564B, ecx: 0x564B_4D56, edx: 0x0000_004D) }

    /// The first leaf of Xen's.
    var xenBase: UInt32? { hypervisorBase(ebx: 0x566E_6558, ecx: 0x65584D4D, edx: 0x4D4D_566E) }

    /// KVM looks at 0x40000000, 0x40000100 and so on, in this order (Linux, `kvm_get_hypervisor_cpuid`).
    private func hypervisorBase(ebx: UInt32, ecx: UInt32, edx: UInt32) -> UInt32? {
        entries.filter {
            0x4000_0000..<0x4001_0000 ~= $0.leaf && $0.leaf & 0xFF == 0 && $0.ebx == ebx && $0.ecx == ecx
                && $0.edx == edx
        }
        // Of two entries of a leaf only the first is ever found.
        .filter { found in entries.first { $0.leaf == found.leaf } == found }.map(\.leaf).min()
    }
}
