// SPDX-License-Identifier: Apache-2.0

/// How a guest's logical CPUs are arranged: sockets x dies x modules x cores x threads.
///
/// Each count is per unit of the next larger level: dies per socket, modules per die, cores per module, threads per
/// core. Every vCPU's x2APIC id is made of one bit field a level, threads lowest, each field just wide enough for its
/// count (Intel SDM volume 3A, "Multiple-Processor Management", 9.9; AMD APM volume 3, appendix E.4).
public struct Topology: Sendable, Hashable {
    /// The levels from the smallest to the largest.
    public enum Level: UInt8, Sendable, CaseIterable {
        case thread, core, module, die, socket
    }

    /// Packages in the machine.
    public let sockets: UInt32
    /// Dies in a package.
    public let dies: UInt32
    /// Modules in a die.
    public let modules: UInt32
    /// Cores in a module.
    public let cores: UInt32
    /// Threads in a core.
    public let threads: UInt32

    /// The most vCPUs of a VM that this program computes for: KVM's own upper limit (`KVM_MAX_VCPUS`).
    public static let maximumVCPUs: UInt32 = 4096

    /// A topology from its counts.
    public init(
        sockets: UInt32 = 1, dies: UInt32 = 1, modules: UInt32 = 1, cores: UInt32 = 1, threads: UInt32 = 1
    ) throws(TopologyError) {
        var product: UInt32 = 1
        for (count, level) in zip([threads, cores, modules, dies, sockets], Level.allCases) {
            guard count >= 1 else { throw .empty(level) }
            let (next, overflow) = product.multipliedReportingOverflow(by: count)
            guard !overflow, next <= Self.maximumVCPUs else { throw .tooManyVCPUs }
            product = next
        }
        self.sockets = sockets
        self.dies = dies
        self.modules = modules
        self.cores = cores
        self.threads = threads
    }

    /// The number of vCPUs.
    public var vcpuCount: Int { Int(sockets * logicalCPUs(in: .socket)) }

    /// The number of logical CPUs in one unit of a level: 1 in a thread, `threads` in a core, and so on.
    public func logicalCPUs(in level: Level) -> UInt32 {
        Level.allCases.prefix(Int(level.rawValue) + 1).reduce(1) { $0 * ($1 == .thread ? 1 : unitsIn($1)) }
    }

    /// The number of low x2APIC id bits that tell apart the logical CPUs in one unit of a level; 0 for a thread.
    public func apicIDBits(in level: Level) -> UInt32 {
        Level.allCases.prefix(Int(level.rawValue) + 1).reduce(0) { $0 + ($1 == .thread ? 0 : bits(unitsIn($1))) }
    }

    /// The x2APIC id of a vCPU, by its position in topology order: threads of a core next to each other.
    public func apicID(of position: Int) -> UInt32 {
        var rest = UInt32(position)
        var id: UInt32 = 0
        var shift: UInt32 = 0
        for count in [threads, cores, modules, dies] {
            id |= (rest % count) << shift
            rest /= count
            shift += bits(count)
        }
        return id | rest << shift
    }

    /// How many of the next smaller units one unit of the level has.
    private func unitsIn(_ level: Level) -> UInt32 {
        switch level {
        case .thread: 1
        case .core: threads
        case .module: cores
        case .die: modules
        case .socket: dies
        }
    }

    private func bits(_ count: UInt32) -> UInt32 {
        UInt32(UInt32.bitWidth - (count - 1).leadingZeroBitCount)
    }
}

/// Why counts are no topology.
public enum TopologyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A level has no units.
    case empty(Topology.Level)
    /// The product of the counts is beyond ``Topology/maximumVCPUs``.
    case tooManyVCPUs

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .empty(let level): "A topology needs at least one \(level) at every level."
        case .tooManyVCPUs: "A topology may have at most \(Topology.maximumVCPUs) vCPUs."
        }
    }
}
