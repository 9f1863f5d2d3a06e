// SPDX-License-Identifier: Apache-2.0

extension CPUIDTable {
    /// The table without what depends on the CPU that executed the request; see ``CPUIDEntry/apicIDBits(of:)``.
    public func withoutAPICIDs() -> CPUIDTable {
        var table = self
        table.updateEach { entry in
            guard CPUIDEntry.hasAPICID(leaf: entry.leaf) else { return }
            for register in CPUIDRegister.allCases { entry[register] &= ~entry.apicIDBits(of: register) }
        }
        return table
    }
}

extension CPUIDEntry {
    /// The bits of a register that hold the CPU's APIC id or follow from its place: the initial APIC id in
    /// 1.EBX[31:24], the x2APIC id in EDX of leaves 0xB, 0x1F and 0x80000026 (Intel SDM volume 2, CPUID; AMD APM
    /// volume 3, E.4.24), and in 0x8000001E the x2APIC id in EAX, the core id in EBX[7:0] and the node id in ECX[7:0]
    /// (AMD APM volume 3, E.4.17).
    public func apicIDBits(of register: CPUIDRegister) -> UInt32 {
        switch (leaf, register) {
        case (1, .ebx): 0xFF00_0000
        case (0xB, .edx), (0x1F, .edx), (0x8000_0026, .edx), (0x8000_001E, .eax): .max
        case (0x8000_001E, .ebx), (0x8000_001E, .ecx): 0xFF
        default: 0
        }
    }

    fileprivate static func hasAPICID(leaf: UInt32) -> Bool {
        switch leaf {
        case 1, 0xB, 0x1F, 0x8000_0026, 0x8000_001E: true
        default: false
        }
    }
}
