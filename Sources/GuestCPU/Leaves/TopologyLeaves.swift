// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaves 0xB, 0x1F, 0x8000001E and 0x80000026: where a logical CPU stands.
///
/// 0xB and 0x1F, a subleaf a level: EAX[4:0] the number of low id bits below the next level, EBX[15:0] logical CPUs in
/// the next level's unit, ECX[7:0] the subleaf, ECX[15:8] the level's type, EDX the x2APIC id. A subleaf of type 0 ends
/// the list (Intel SDM volume 2, CPUID; AMD APM volume 3, E.3.8).
enum TopologyLeaves {
    private enum LevelType: UInt32 {
        case end = 0
        case thread = 1
        case core = 2
        case module = 3
        case die = 5
    }

    /// Leaf 0xB knows threads and cores only: its core level spans the whole package.
    static func leafB(_ inputs: LeafInputs) -> [CPUIDEntry] {
        entries(0xB, [(.thread, .core), (.core, .socket)], inputs.topology)
    }

    /// Leaf 0x1F, where there are modules or dies to tell of, the model has always had the leaf, or it was asked for.
    static func leaf1F(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let topology = inputs.topology
        let hasLevels = topology.modules > 1 || topology.dies > 1
        let isWanted = hasLevels || inputs.options.hasExtendedTopology
        guard inputs.model.forcesLeaf1F || (isWanted && !inputs.vendor.isAMDLike) else { return [] }
        var levels: [(LevelType, Topology.Level)] = [(.thread, .core), (.core, .module)]
        if topology.modules > 1 { levels.append((.module, .die)) }
        if topology.dies > 1 { levels.append((.die, .socket)) }
        return entries(0x1F, levels, topology)
    }

    /// Each level with the unit that its field of the id is unique in.
    private static func entries(
        _ leaf: UInt32, _ levels: [(type: LevelType, within: Topology.Level)], _ topology: Topology
    ) -> [CPUIDEntry] {
        var entries = levels.enumerated().map { number, level in
            CPUIDEntry(
                leaf, .exact(UInt32(number)), eax: topology.apicIDBits(in: level.within),
                ebx: topology.logicalCPUs(in: level.within), ecx: level.type.rawValue << 8 | UInt32(number))
        }
        let end = UInt32(levels.count)
        entries.append(CPUIDEntry(leaf, .exact(end), ecx: LevelType.end.rawValue << 8 | end))
        return entries
    }

    /// Leaf 0x8000001E, with TOPOEXT: EBX[15:8] threads per core less one, ECX[10:8] nodes per package less one. The
    /// ids are the vCPU's own (AMD APM volume 3, E.4.17).
    static func leaf8000001E(_ inputs: LeafInputs) -> [CPUIDEntry] {
        guard inputs.features.contains(.topoext) else { return [] }
        let topology = inputs.topology
        return [
            CPUIDEntry(
                0x8000_001E, ebx: ((topology.threads - 1) & 0xFF) << 8, ecx: ((topology.dies - 1) & 7) << 8)
        ]
    }

    /// Leaf 0x80000026 on AMD, where it was asked for or the model reaches that far: a subleaf a level, from cores by
    /// complexes and dies to the socket. EAX[4:0] the number of id bits within one unit of the level, EBX[15:0] its
    /// logical CPUs, ECX[15:8] the level's type 1 to 4 (AMD APM volume 3, E.4.24).
    static func leaf80000026(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let isInReach = inputs.model.extendedLevel >= 0x8000_0026 && inputs.model.base != nil
        guard inputs.vendor.isAMDLike, inputs.options.hasExtendedTopology || isInReach else { return [] }
        let levels: [Topology.Level] = [.core, .module, .die, .socket]
        var entries = levels.enumerated().map { number, level in
            CPUIDEntry(
                0x8000_0026, .exact(UInt32(number)), eax: inputs.topology.apicIDBits(in: level),
                ebx: inputs.topology.logicalCPUs(in: level), ecx: UInt32(number + 1) << 8 | UInt32(number))
        }
        entries.append(CPUIDEntry(0x8000_0026, .exact(4), ecx: 4))
        return entries
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0xB, .edx, by: .vcpu, "its x2APIC id"),
        FieldOrigin(0x1F, .edx, by: .vcpu, "its x2APIC id"),
        FieldOrigin(0x8000_0026, .edx, by: .vcpu, "its x2APIC id"),
        FieldOrigin(0x8000_001E, .eax, by: .vcpu, "its x2APIC id"),
        FieldOrigin(0x8000_001E, .ebx, mask: 0xFF, by: .vcpu, "its core's number in the die"),
        FieldOrigin(0x8000_001E, .ecx, mask: 0xFF, by: .vcpu, "its die's number in the machine"),
        FieldOrigin(0xB, by: .topology, "id bits and logical CPUs of the level"),
        FieldOrigin(0x1F, by: .topology, "id bits and logical CPUs of the level"),
        FieldOrigin(0x8000_0026, by: .topology, "id bits and logical CPUs of the level"),
        FieldOrigin(0x8000_001E, by: .topology, "threads of a core, and dies of a package"),
    ]
}
