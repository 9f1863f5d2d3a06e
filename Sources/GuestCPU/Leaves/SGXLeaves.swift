// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaf 0x12: enclaves.
///
/// .0: EAX features, EBX MISCSELECT, EDX[15:0] largest enclave by the power of two; .1: ATTRIBUTES that an enclave may
/// have, the XSAVE components among them in EDX:ECX; from .2 on one section of the enclave page cache each (Intel SDM
/// volume 3D, 37.7.2).
enum SGXLeaves {
    /// The type of a valid section, and "its pages are encrypted and replay-protected": the low bits of EAX and ECX.
    private static let valid: UInt32 = 1

    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.sgx) else { return [] }
        let host = inputs.host.supported
        let components = XSAVELeaves.userComponents(inputs)
        var entries = [
            CPUIDEntry(
                0x12, .exact(0), eax: inputs.bits(.leaf12_0_eax), ebx: inputs.bits(.leaf12_0_ebx),
                edx: host.value(0x12, 0, .edx)),
            CPUIDEntry(
                0x12, .exact(1), eax: inputs.bits(.leaf12_1_eax),
                ecx: UInt32(truncatingIfNeeded: components) & host.value(0x12, 1, .ecx),
                edx: UInt32(truncatingIfNeeded: components >> 32) & host.value(0x12, 1, .edx)),
        ]
        for (number, section) in inputs.options.enclavePageCache.enumerated() {
            entries.append(
                CPUIDEntry(
                    0x12, .exact(UInt32(number) + 2), eax: UInt32(truncatingIfNeeded: section.address) | valid,
                    ebx: UInt32(truncatingIfNeeded: section.address >> 32),
                    ecx: UInt32(truncatingIfNeeded: section.size) | valid,
                    edx: UInt32(truncatingIfNeeded: section.size >> 32)))
        }
        return entries
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x12, subleaf: 0, .edx, by: .host, "the largest enclave that its CPU can make"),
        FieldOrigin(0x12, subleaf: 1, .ecx, by: .model, "the XSAVE components that enclaves may use"),
        FieldOrigin(0x12, subleaf: 1, .edx, by: .model, "the XSAVE components that enclaves may use"),
        FieldOrigin(0x12, by: .owner, "a section of the enclave page cache"),
    ]
}
