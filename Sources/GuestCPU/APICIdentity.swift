// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What makes one vCPU's table its own: the fields that hold its APIC id, or follow from its place.
struct APICIdentity {
    let apicID: UInt32
    let position: Int
    let topology: Topology

    /// Writes the ids into a table that has them at zero.
    ///
    /// 1.EBX[31:24] is the low byte of the initial APIC id; 0xB.EDX, 0x1F.EDX and 0x80000026.EDX are the x2APIC
    /// id, in every subleaf (Intel SDM volume 2, CPUID; AMD APM volume 3, E.4.24). 0x8000001E: EAX x2APIC id, EBX[7:0] core id, ECX[7:0] node id (AMD APM volume 3,
    /// E.4.17).
    func write(to table: inout CPUIDTable) {
        table.updateEach { entry in
            switch entry.leaf {
            case 1: entry.ebx |= (apicID & 0xFF) << 24
            case 0xB, 0x1F, 0x8000_0026: entry.edx = apicID
            case 0x8000_001E:
                entry.eax = apicID
                entry.ebx |= core & 0xFF
                entry.ecx |= node & 0xFF
            default: break
            }
        }
    }

    /// The core's number within its die.
    private var core: UInt32 {
        UInt32(position) / topology.threads % (topology.cores * topology.modules)
    }

    /// The die's number in the machine: AMD's processor node.
    private var node: UInt32 {
        UInt32(position) / topology.logicalCPUs(in: .die)
    }
}
