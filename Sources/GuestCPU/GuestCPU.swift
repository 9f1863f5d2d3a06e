// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import X86CPU

/// The CPU of one VM: model x host x topology, and from them the CPUID table and feature MSRs of every vCPU.
///
/// What all vCPUs share is computed once. The table of one vCPU differs only in its APIC ids.
public struct GuestCPU: Sendable {
    /// What a VM's owner may choose beside model and topology.
    public struct Options: Sendable, Hashable {
        /// Width of a guest physical address, in bits; nil for the host's.
        public var physicalAddressBits: UInt8?
        /// x2APIC id of every vCPU in topology order; nil for those that follow from the topology.
        public var apicIDs: [UInt32]?

        /// Options, each at its default unless given.
        public init(physicalAddressBits: UInt8? = nil, apicIDs: [UInt32]? = nil) {
            self.physicalAddressBits = physicalAddressBits
            self.apicIDs = apicIDs
        }
    }

    /// The model, expanded for the host.
    public let model: ExpandedModel
    /// How the vCPUs are arranged.
    public let topology: Topology
    /// The features that the guest gets: the model's, without ``withheld``, and with those that follow from topology.
    public let features: FeatureSet
    /// Features of the model that this program cannot yet describe completely: their leaves or MSRs are missing here,
    /// and a feature without them would be a wrong promise. Left out of ``features``.
    public let withheld: FeatureSet
    /// The value each feature MSR has to be given, by index.
    public let featureMSRs: [UInt32: UInt64]
    /// x2APIC id of every vCPU, in topology order.
    public let apicIDs: [UInt32]

    /// What all vCPUs share, with APIC ids at zero.
    let common: CPUIDTable

    /// Computes the CPU.
    public init(
        model: ExpandedModel, host: HostCPU, topology: Topology, options: Options = Options()
    ) throws(GuestCPUError) {
        self.model = model
        self.topology = topology
        apicIDs = try Self.checkedAPICIDs(options.apicIDs, topology: topology)

        let width = options.physicalAddressBits ?? host.physicalAddressBits
        guard 32...host.physicalAddressBits ~= width else {
            throw .physicalAddressBits(asked: width, host: host.physicalAddressBits)
        }

        withheld = model.features.intersection(LeafCoverage.incomplete)
        var features = model.features.subtracting(withheld)
        TopologyFeatures.decide(&features, topology: topology, vendor: model.vendor)
        self.features = features

        let plan = LeafPlan(
            model: model, features: features, host: host, topology: topology, physicalAddressBits: width)
        common = plan.table()
        featureMSRs = FeatureMSRs.values(of: features)
    }

    /// What the request names and the guest does not get, in order: features that the host cannot give, and withheld
    /// ones.
    ///
    /// `host` and `max` name nothing by themselves: what is withheld of them is not missing, unless it was asked for.
    public var missing: [UnavailableFeature] {
        let named = model.base == nil ? withheld.intersection(model.expressionAdded) : withheld
        let notComputed = named.map { UnavailableFeature(feature: $0, reason: .notComputed) }
        return notComputed.isEmpty
            ? model.unavailable : (model.unavailable + notComputed).sorted { $0.feature < $1.feature }
    }

    /// The number of vCPUs.
    public var vcpuCount: Int { topology.vcpuCount }

    /// The table of one vCPU, by its position in topology order.
    public func table(ofVCPU position: Int) -> CPUIDTable {
        var table = common
        APICIdentity(apicID: apicIDs[position], position: position, topology: topology).write(to: &table)
        return table
    }

    private static func checkedAPICIDs(_ given: [UInt32]?, topology: Topology) throws(GuestCPUError) -> [UInt32] {
        let count = topology.vcpuCount
        guard let given else { return (0..<count).map(topology.apicID(of:)) }
        guard given.count == count else { throw .apicIDCount(given: given.count, vcpus: count) }
        var seen = Set<UInt32>(minimumCapacity: count)
        for id in given where !seen.insert(id).inserted { throw .duplicateAPICID(id) }
        return given
    }
}

/// Why no CPU can be computed.
public enum GuestCPUError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number of APIC ids is not the number of vCPUs.
    case apicIDCount(given: Int, vcpus: Int)
    /// Two vCPUs would have the same APIC id.
    case duplicateAPICID(UInt32)
    /// The physical address width is below 32 bits or above the host's, where it can never be safe.
    case physicalAddressBits(asked: UInt8, host: UInt8)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .apicIDCount(let given, let vcpus):
            "The topology has \(vcpus) vCPUs, but \(given) APIC ids were given."
        case .duplicateAPICID(let id):
            "APIC id \(id) was given to two vCPUs; every vCPU needs its own."
        case .physicalAddressBits(let asked, let host):
            "A physical address width of \(asked) bits is not possible here: "
                + "choose 32 to \(host), this host's own width."
        }
    }
}
