// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaf 0xD: the XSAVE state components.
///
/// Which components there are follows from the features; sizes and offsets are the host's, since XSAVE runs natively.
/// Subleaf 0: EDX:EAX components in XCR0, EBX size for the XCR0 in force, ECX size for all of them. Subleaf 1: EAX
/// flags, EBX compacted size for the XCR0 in force, EDX:ECX components in IA32_XSS. Subleaf n: EAX size, EBX standard
/// offset, ECX[0] supervisor, ECX[1] aligned to 64 bytes when compacted, ECX[2] XFD (Intel SDM volume 1, 13.2).
enum XSAVELeaves {
    /// The size of the legacy region and the XSAVE header: what XCR0 = 1 at reset needs.
    private static let minimumSize: UInt32 = 0x240

    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.xsave) else { return [] }
        let components = components(inputs)
        let user = mask(components.filter { !$0.isSupervisor })
        let supervisor = mask(components.filter(\.isSupervisor))
        let size = components.reduce(minimumSize) { $1.isSupervisor ? $0 : max($0, $1.offset + $1.size) }
        let hasCompaction = inputs.features.contains(.xsavec) || inputs.features.contains(.xsaves)

        var entries = [
            CPUIDEntry(
                0xD, .exact(0), eax: UInt32(truncatingIfNeeded: user), ebx: minimumSize, ecx: size,
                edx: UInt32(truncatingIfNeeded: user >> 32)),
            CPUIDEntry(
                0xD, .exact(1), eax: inputs.bits(.leafD_1_eax), ebx: hasCompaction ? minimumSize : 0,
                ecx: UInt32(truncatingIfNeeded: supervisor), edx: UInt32(truncatingIfNeeded: supervisor >> 32)),
        ]
        for component in components where component.number >= 2 {
            entries.append(
                CPUIDEntry(
                    0xD, .exact(component.number), eax: component.size, ebx: component.offset, ecx: component.flags))
        }
        return entries
    }

    /// The components that the guest can turn on in XCR0.
    static func userComponents(_ inputs: LeafInputs) -> UInt64 {
        inputs.features.contains(.xsave) ? mask(components(inputs).filter { !$0.isSupervisor }) : 0b11
    }

    /// One component as the guest will find it.
    private struct Component {
        let number: UInt32
        let size: UInt32
        let offset: UInt32
        let flags: UInt32
        var isSupervisor: Bool { flags & 1 != 0 }
    }

    /// The components that the features ask for and the host has.
    private static func components(_ inputs: LeafInputs) -> [Component] {
        let host = inputs.host.supported
        let user = UInt64(host.value(0xD, 0, .edx)) << 32 | UInt64(host.value(0xD, 0, .eax))
        let supervisor = UInt64(host.value(0xD, 1, .edx)) << 32 | UInt64(host.value(0xD, 1, .ecx))
        let canSupervise = inputs.features.contains(.xsaves)
        return FeatureRegistry.shared.xsaveComponents.compactMap { known -> Component? in
            guard known.enabledBy.contains(where: inputs.features.contains) else { return nil }
            if known.isSupervisor, !canSupervise { return nil }
            guard (known.isSupervisor ? supervisor : user) & known.mask != 0 else { return nil }
            let number = UInt32(known.number)
            guard number >= 2 else { return Component(number: number, size: 0, offset: 0, flags: 0) }
            guard let entry = host[0xD, number], entry.eax != 0 else { return nil }
            return Component(number: number, size: entry.eax, offset: entry.ebx, flags: entry.ecx & 7)
        }
    }

    private static func mask(_ components: [Component]) -> UInt64 {
        components.reduce(0) { $0 | 1 << UInt64($1.number) }
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(
            0xD, subleaf: 0, .ebx, by: .runtime, "the size for the XCR0 in force; at reset that of x87 and SSE"),
        FieldOrigin(0xD, subleaf: 1, .ebx, by: .runtime, "the compacted size for the XCR0 and IA32_XSS in force"),
        FieldOrigin(
            0xD, subleaf: 0, .ecx, by: .host, "where the host's CPU puts the components that the features bring"),
        FieldOrigin(0xD, subleaf: 0, by: .model, "the components that its features bring, as far as the host has them"),
        FieldOrigin(0xD, subleaf: 1, by: .model, "the components that its features bring, as far as the host has them"),
        FieldOrigin(0xD, by: .host, "size and place of the component, since XSAVE runs natively"),
    ]
}
