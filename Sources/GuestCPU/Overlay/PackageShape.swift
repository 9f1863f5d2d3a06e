// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What one vCPU's table tells of its package, and of its own place.
///
/// The leaves are asked from the most telling to the least: 0x1F, 0xB, on AMD 0x8000001E with 0x80000008, then 1 with 4
/// (Intel SDM volume 3A, 9.9.3; AMD APM volume 3, appendix E.4 and E.5).
public struct PackageShape: Sendable, Hashable {
    /// The vCPU's x2APIC id.
    public let apicID: UInt32
    /// One package.
    public let topology: Topology
    /// The number of low id bits that tell apart the logical CPUs of a package; they may be more than the counts need.
    public let packageBits: UInt32

    /// The package's number in the machine.
    public var package: UInt32 { packageBits < 32 ? apicID >> packageBits : 0 }

    /// Reads a table; nil when leaf 1 is missing, for then it tells nothing.
    public init?(of table: CPUIDTable) {
        guard let leaf1 = table[1] else { return nil }
        let levels = Self.levels(table, 0x1F) ?? Self.levels(table, 0xB)
        apicID =
            levels?.apicID ?? (table.hasTopologyExtensions ? table[0x8000_001E]?.eax : nil) ?? leaf1.ebx >> 24
        let shape = levels?.topology ?? Self.amd(table) ?? Self.legacy(table)
        guard let topology = shape ?? (try? Topology()) else { return nil }
        self.topology = topology
        packageBits = max(levels?.packageBits ?? 0, topology.apicIDBits(in: .socket))
    }

    /// The place of this vCPU among those of its package, by the fields of its id.
    var position: Int {
        let withinPackage = packageBits < 32 ? apicID & ((1 << packageBits) - 1) : apicID
        let count = topology.vcpuCount
        return (0..<count).first { topology.apicID(of: $0) == withinPackage } ?? Int(withinPackage) % count
    }

    private struct Levels {
        let apicID: UInt32
        let topology: Topology
        let packageBits: UInt32
    }

    /// Leaf 0xB or 0x1F: by EBX[15:0], which counts the logical CPUs in one unit of the next level.
    private static func levels(_ table: CPUIDTable, _ leaf: UInt32) -> Levels? {
        var counts: [UInt32: UInt32] = [:]
        var last: (count: UInt32, bits: UInt32)?
        for subleaf in UInt32(0)..<8 {
            guard let entry = table[leaf, subleaf], entry.subleaf == .exact(subleaf) else { break }
            let type = entry.ecx >> 8 & 0xFF
            let count = entry.ebx & 0xFFFF
            guard type != 0, count != 0 else { break }
            counts[type] = count
            last = (count, entry.eax & 0x1F)
        }
        guard let last, let id = table[leaf, 0]?.edx, let threads = counts[1] else { return nil }
        // Type 2 counts to the next level that is listed: modules where there are, else dies, else the package. Types 4
        // (tile) and 6 (die group) are taken in by the level above them.
        let cores = counts[2] ?? threads
        let modules = counts[3] ?? cores
        let package = max(last.count * amdDies(table, besides: last), amdPackage(table) ?? 0)
        guard cores % threads == 0, modules % cores == 0, package % modules == 0,
            let topology = try? Topology(
                dies: package / modules, modules: modules / cores, cores: cores / threads, threads: threads)
        else { return nil }
        return Levels(apicID: id, topology: topology, packageBits: last.bits)
    }

    /// Leaf 0xB has no level for dies, and VMMs do not agree whether its last count is a die's or the package's. It is a
    /// die's where the id has room for as many of them as 0x8000001E.ECX[10:8] tells.
    private static func amdDies(_ table: CPUIDTable, besides last: (count: UInt32, bits: UInt32)) -> UInt32 {
        guard CPUVendor(table: table)?.isAMDLike == true, table.hasTopologyExtensions else { return 1 }
        let dies = (table.value(0x8000_001E, 0, .ecx) >> 8 & 7) + 1
        return last.count * dies <= 1 << last.bits ? dies : 1
    }

    /// 0x80000008.ECX[7:0] logical CPUs of a package less one.
    private static func amdPackage(_ table: CPUIDTable) -> UInt32? {
        guard CPUVendor(table: table)?.isAMDLike == true, let sizes = table[0x8000_0008] else { return nil }
        return (sizes.ecx & 0xFF) + 1
    }

    /// 0x8000001E: EBX[15:8] threads of a core less one, ECX[10:8] nodes of a package less one.
    private static func amd(_ table: CPUIDTable) -> Topology? {
        guard let count = amdPackage(table) else { return nil }
        let place = table.hasTopologyExtensions ? table[0x8000_001E] : nil
        let threads = ((place?.ebx ?? 0) >> 8 & 0xFF) + 1
        let dies = ((place?.ecx ?? 0) >> 8 & 7) + 1
        guard count > 1, count % (threads * dies) == 0 else { return nil }
        return try? Topology(dies: dies, cores: count / threads / dies, threads: threads)
    }

    /// 1.EBX[23:16] ids of a package, valid with HTT; 4.EAX[31:26] ids of its cores less one.
    private static func legacy(_ table: CPUIDTable) -> Topology? {
        guard let leaf1 = table[1], leaf1.edx & 1 << 28 != 0 else { return nil }
        let count = max(leaf1.ebx >> 16 & 0xFF, 1)
        let isAMD = CPUVendor(table: table)?.isAMDLike == true
        let cores = isAMD ? count : (table[4]?.eax ?? 0) >> 26 + 1
        guard count % cores == 0 else { return nil }
        return try? Topology(cores: cores, threads: count / cores)
    }
}

extension CPUIDTable {
    /// Whether leaves 0x8000001D and 0x8000001E count: TOPOEXT, 0x80000001.ECX[22].
    var hasTopologyExtensions: Bool { value(0x8000_0001, 0, .ecx) & 1 << 22 != 0 }
}
