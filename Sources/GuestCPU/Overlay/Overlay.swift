// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import X86CPU

/// A model laid over the tables that a VMM made itself: the model says what the CPU can do and who it is, the VMM where
/// each vCPU stands and what the machine around it is (``OverlayPart``).
public struct Overlay: Sendable {
    /// What the VMM's tables keep.
    public let kept: Set<OverlayPart>
    /// The CPU that the model alone gives, in the shape of the VMM's packages where the topology is kept.
    public let guest: GuestCPU
    /// One a vCPU, in the order of the request.
    private let bases: [CPUIDTable]
    /// One a vCPU where the topology is kept, else empty.
    private let shapes: [PackageShape]

    /// Lays a model over these tables, one a vCPU.
    ///
    /// - Parameters:
    ///   - topology: how the vCPUs are arranged, where the VMM's own topology is not kept.
    ///   - options: APIC ids count only where the topology is not kept. A width of physical addresses here wins over the
    ///     VMM's.
    public init(
        model: ExpandedModel, host: HostCPU, over bases: [CPUIDTable], keeping kept: Set<OverlayPart>,
        topology: Topology, options: GuestCPU.Options = .init()
    ) throws(OverlayError) {
        self.kept = kept
        self.bases = bases
        var options = options
        if kept.contains(.physicalAddressBits), options.physicalAddressBits == nil {
            options.physicalAddressBits = bases.first?.physicalAddressBits
        }
        var shape = topology
        if kept.contains(.topology) {
            shapes = try Self.shapes(of: bases)
            shape = try Self.machine(shapes)
            options.apicIDs = nil
        } else {
            shapes = []
        }
        do throws(GuestCPUError) {
            guest = try GuestCPU(model: model, host: host, topology: shape, options: options)
        } catch {
            throw .guest(error)
        }
        guard kept.contains(.caches) else { return }
        for (vcpu, base) in bases.enumerated() {
            guard let vendor = CPUVendor(table: base), vendor.isAMDLike == model.vendor.isAMDLike else {
                throw .foreignCaches(vcpu: vcpu, model: model.vendor)
            }
        }
    }

    /// The tables of all vCPUs.
    public var tables: GuestTables {
        GuestTables(
            model: guest.model, topology: guest.topology, features: guest.features, missing: guest.missing,
            featureMSRs: guest.featureMSRs, apicIDs: shapes.isEmpty ? guest.apicIDs : shapes.map(\.apicID),
            tables: bases.indices.map(table(ofVCPU:)), notes: guest.notes)
    }

    /// The table of one vCPU, by its place in the request.
    private func table(ofVCPU number: Int) -> CPUIDTable { draft(ofVCPU: number).finished() }

    /// The table of one vCPU, and what of it is the VMM's.
    func draft(ofVCPU number: Int) -> OverlayDraft {
        let base = bases[number]
        var draft: OverlayDraft
        if kept.contains(.topology) {
            draft = OverlayDraft(guest.table(of: shapes[number]), over: base)
            draft.keepPlace(apicID: shapes[number].apicID)
            if kept.contains(.caches) { draft.keepCaches() } else { draft.keepSharing() }
        } else {
            draft = OverlayDraft(guest.table(ofVCPU: number), over: base)
            if kept.contains(.caches) { draft.keepCachesWithoutSharing() }
        }
        if kept.contains(.physicalAddressBits) { draft.keepGuestAddressWidth() }
        if kept.contains(.pmu) { draft.keepPMU() }
        if kept.contains(.hypervisor) { draft.keepHypervisor() }
        if kept.contains(.tsc) { draft.keepTSC() }
        return draft
    }

    private static func shapes(of bases: [CPUIDTable]) throws(OverlayError) -> [PackageShape] {
        var shapes: [PackageShape] = []
        var owners: [UInt32: Int] = [:]
        for (vcpu, base) in bases.enumerated() {
            guard let shape = PackageShape(of: base) else { throw .noTable(vcpu: vcpu) }
            if let other = owners.updateValue(vcpu, forKey: shape.apicID) {
                throw .sameAPICID(shape.apicID, vcpus: (other, vcpu))
            }
            shapes.append(shape)
        }
        return shapes
    }

    /// The packages that these vCPUs are in, each of the shape that the first tells.
    private static func machine(_ shapes: [PackageShape]) throws(OverlayError) -> Topology {
        let packages = UInt32(Set(shapes.map(\.package)).count)
        guard let one = shapes.first?.topology else { throw .noTable(vcpu: 0) }
        do throws(TopologyError) {
            return try Topology(
                sockets: max(packages, 1), dies: one.dies, modules: one.modules, cores: one.cores, threads: one.threads)
        } catch {
            throw .topology(error)
        }
    }
}

extension GuestCPU {
    /// The table of the vCPU that stands where the shape says, wherever that is in the machine.
    fileprivate func table(of shape: PackageShape) -> CPUIDTable {
        var table = common
        let position = Int(shape.package) * Int(topology.logicalCPUs(in: .socket)) + shape.position
        APICIdentity(apicID: shape.apicID, position: position, topology: topology).write(to: &table)
        return table
    }
}

extension CPUIDTable {
    /// 0x80000008.EAX[7:0]; nil where a VMM did not say.
    fileprivate var physicalAddressBits: UInt8? {
        let width = UInt8(truncatingIfNeeded: value(0x8000_0008, 0, .eax))
        return width == 0 ? nil : width
    }
}

/// Why a model cannot be laid over a table.
public enum OverlayError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no leaf 1: the VMM has made no table yet.
    case noTable(vcpu: Int)
    /// Two tables are of one and the same logical CPU.
    case sameAPICID(UInt32, vcpus: (Int, Int))
    /// Intel and AMD describe caches in different leaves.
    case foreignCaches(vcpu: Int, model: CPUVendor)
    /// The tables tell of more CPUs than there can be.
    case topology(TopologyError)
    /// The model cannot be computed.
    case guest(GuestCPUError)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .noTable(let vcpu): "The table of vCPU \(vcpu) has no leaf 1, so there is nothing to lay a model over."
        case .sameAPICID(let id, let vcpus):
            "The tables of vCPUs \(vcpus.0) and \(vcpus.1) both tell the APIC id \(id); every vCPU needs its own."
        case .foreignCaches(let vcpu, let model):
            "The table of vCPU \(vcpu) describes caches in the leaves of another vendor than the model's, \(model); "
                + "do not keep them, or choose a model of the other vendor."
        case .topology(let error): error.description
        case .guest(let error): error.description
        }
    }

    /// Two errors are equal when they say the same.
    public static func == (left: OverlayError, right: OverlayError) -> Bool { left.description == right.description }

    /// Hashes what the error says.
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
