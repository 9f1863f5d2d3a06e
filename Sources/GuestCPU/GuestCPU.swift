// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import X86CPU

/// The CPU of one VM: model x host x topology, and from them the CPUID table and feature MSRs of every vCPU.
///
/// What all vCPUs share is computed once. The table of one vCPU differs only in its APIC ids.
public struct GuestCPU: Sendable {
    /// The model, expanded for the host.
    public let model: ExpandedModel
    /// How the vCPUs are arranged.
    public let topology: Topology
    /// The choices of the VM's owner.
    public let options: Options
    /// The features that the guest gets: the model's, without ``withheld``, and with those that follow from topology.
    public let features: FeatureSet
    /// Features of the model that the guest does not get, although the host has them: they need what was not asked for,
    /// or what no KVM has.
    public let withheld: [UnavailableFeature]
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
        self.options = options
        apicIDs = try Self.checkedAPICIDs(options.apicIDs, topology: topology)

        let width = try Self.checkedWidth(options, host: host)
        try Self.check(options, model: model, host: host)

        let selection = FeatureSelection(model, host: host, topology: topology, options: options)
        (features, withheld) = (selection.features, selection.withheld)

        let inputs = LeafInputs(
            model: model, features: features, host: host, topology: topology, physicalAddressBits: width,
            options: options)
        common = LeafPlan(inputs).table()
        featureMSRs = FeatureMSRs.values(of: features, signature: model.signature, on: host)
        notes = FeatureMSRRules.notes(on: features) + GuestCPUNote.onWidth(width, host: host)
    }

    /// What is odd about the guest's CPU, and stays.
    public let notes: [GuestCPUNote]

    /// What the launcher has to do before it creates its first vCPU.
    public var requirements: [LauncherRequirement] { LauncherRequirement.all(of: features) }

    /// What the request names and the guest does not get, in order: features that the host cannot give, and withheld
    /// ones.
    ///
    /// `host` and `max` name nothing by themselves: what is withheld of them is not missing, unless it was asked for.
    public var missing: [UnavailableFeature] {
        let lost = withheld.filter { isMissed($0) }
        return lost.isEmpty ? model.unavailable : (model.unavailable + lost).sorted { $0.feature < $1.feature }
    }

    /// Whether a withheld feature was asked for. A model whose features wait for an option lies idle without it.
    private func isMissed(_ withheld: UnavailableFeature) -> Bool {
        if model.expressionAdded.contains(withheld.feature) { return true }
        switch withheld.reason {
        case .needsOption: return false
        default: return model.base != nil
        }
    }

    /// The number of vCPUs.
    public var vcpuCount: Int { topology.vcpuCount }

    /// The table of one vCPU, by its position in topology order.
    public func table(ofVCPU position: Int) -> CPUIDTable {
        var table = common
        APICIdentity(apicID: apicIDs[position], position: position, topology: topology).write(to: &table)
        return table
    }

    private static func checkedWidth(_ options: Options, host: HostCPU) throws(GuestCPUError) -> UInt8 {
        let limit = options.physicalAddressLimit ?? host.physicalAddressBits
        let width = options.physicalAddressBits ?? min(limit, host.physicalAddressBits)
        guard 32...host.physicalAddressBits ~= width else {
            throw .physicalAddressBits(asked: width, host: host.physicalAddressBits)
        }
        return width
    }

    /// Whether the options can be had from this host.
    private static func check(_ options: Options, model: ExpandedModel, host: HostCPU) throws(GuestCPUError) {
        if options.hasPMU, !model.vendor.isAMDLike, host.supported.value(0xA, 0, .eax) & 0xFF == 0 { throw .noPMU }
        for feature in options.hyperV.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard feature.isOffered(by: host.hyperV) else { throw .noHyperV(feature) }
            if let needed = feature.needs.first(where: { !options.hyperV.contains($0) }) {
                throw .hyperVNeeds(feature, needed)
            }
        }
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
    /// A PMU was asked for, and the host's KVM offers none.
    case noPMU
    /// The host's KVM does not offer this part of Microsoft's hypervisor interface.
    case noHyperV(HyperVFeature)
    /// A part of Microsoft's hypervisor interface does not work without another.
    case hyperVNeeds(HyperVFeature, HyperVFeature)

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
        case .noPMU:
            "A PMU was asked for, but this host's KVM offers none: leave out \"pmu\", or load KVM with its PMU enabled."
        case .noHyperV(let feature):
            "This host's KVM does not offer \"\(feature.rawValue)\" of Microsoft's hypervisor interface: leave it out of "
                + "\"hyperV\"."
        case .hyperVNeeds(let feature, let needed):
            "\"\(feature.rawValue)\" of Microsoft's hypervisor interface needs \"\(needed.rawValue)\": add that to "
                + "\"hyperV\"."
        }
    }
}
