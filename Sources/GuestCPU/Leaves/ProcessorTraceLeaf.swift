// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Leaf 0x14: processor trace.
///
/// The guest drives the host's tracing hardware, so it may see no more than the host has; and to be the same on every
/// host it sees what the first server CPU with virtualised tracing, Ice Lake, has, and nothing beyond. .0: EBX[3:0] CR3
/// filter, cycle-accurate mode, IP filter, MTC; ECX[2:0] ToPA, its multiple entries, single-range output, ECX[31] linear
/// addresses. .1: EAX[2:0] address ranges, [31:16] MTC periods; EBX[15:0] cycle thresholds, [31:16] PSB frequencies
/// (Intel SDM volume 3C, 33.3.1).
enum ProcessorTraceLeaf {
    private static let capabilities = (ebx: UInt32(0xF), ecx: UInt32(0x7))
    private static let ranges: UInt32 = 2
    private static let periods = (mtc: UInt32(0x0249) << 16, cyclesAndPSB: UInt32(0x003F_1FFF))

    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.intelPt) else { return [] }
        return [
            CPUIDEntry(
                0x14, .exact(0), eax: 1, ebx: capabilities.ebx,
                ecx: capabilities.ecx | inputs.bits(.leaf14_0_ecx)),
            CPUIDEntry(0x14, .exact(1), eax: periods.mtc | ranges, ebx: periods.cyclesAndPSB),
        ]
    }

    /// Whether the host has all that guests are told of.
    static func isPossible(on host: HostCPU) -> Bool {
        let table = host.supported
        func has(_ subleaf: UInt32, _ register: CPUIDRegister, _ bits: UInt32) -> Bool {
            table.value(0x14, subleaf, register) & bits == bits
        }
        return has(0, .ebx, capabilities.ebx) && has(0, .ecx, capabilities.ecx)
            && table.value(0x14, 1, .eax) & 7 >= ranges && has(1, .eax, periods.mtc)
            && has(1, .ebx, periods.cyclesAndPSB)
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x14, by: .architecture, "what every CPU with virtualised tracing has, and no more")
    ]
}
