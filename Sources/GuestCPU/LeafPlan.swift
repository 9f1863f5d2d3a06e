// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Everything a leaf is computed from.
struct LeafInputs {
    let model: ExpandedModel
    let features: FeatureSet
    let host: HostCPU
    let topology: Topology
    let physicalAddressBits: UInt8

    /// The caches that the guest sees, in the order of the leaves.
    var caches: [Cache] {
        switch model.caches {
        case .model(let caches): caches.all
        case .host: host.caches
        case .unknown: []
        }
    }

    var vendor: CPUVendor { model.vendor }

    /// A register's feature bits.
    func bits(_ word: FeatureWord) -> UInt32 { UInt32(truncatingIfNeeded: features[word]) }
}

/// Which leaves a table has, in which order, and how high its levels are.
///
/// The APIC ids are left at zero: ``APICIdentity`` writes them for each vCPU.
struct LeafPlan {
    private let inputs: LeafInputs

    init(
        model: ExpandedModel, features: FeatureSet, host: HostCPU, topology: Topology, physicalAddressBits: UInt8
    ) {
        inputs = LeafInputs(
            model: model, features: features, host: host, topology: topology,
            physicalAddressBits: physicalAddressBits)
    }

    /// The table that all vCPUs share.
    func table() -> CPUIDTable {
        let basic = basicLeaves()
        let extended = extendedLeaves()
        var table = CPUIDTable()
        table.reserveCapacity(basic.count + extended.count + 4)
        // A model's levels are floors: a leaf that holds one of its features must be within reach.
        table.append(Leaf0.basic(inputs, highest: max(inputs.model.level, basic.map(\.leaf).max() ?? 0)))
        table.append(contentsOf: basic)
        table.append(contentsOf: KVMLeaves.entries(inputs))
        table.append(
            Leaf0.extended(inputs, highest: max(inputs.model.extendedLevel, extended.map(\.leaf).max() ?? 0)))
        table.append(contentsOf: extended)
        return table
    }

    private func basicLeaves() -> [CPUIDEntry] {
        var entries = [Leaf1.entry(inputs)]
        entries += CacheLeaves.leaf2(inputs)
        entries += CacheLeaves.leaf4(inputs)
        entries += PowerLeaves.monitor(inputs)
        entries += PowerLeaves.thermal(inputs)
        entries += Leaf7.entries(inputs)
        entries += TopologyLeaves.leafB(inputs)
        entries += XSAVELeaves.entries(inputs)
        entries += AMXLeaves.entries(inputs)
        entries += TopologyLeaves.leaf1F(inputs)
        return entries
    }

    private func extendedLeaves() -> [CPUIDEntry] {
        var entries = [ExtendedLeaves.features(inputs)]
        entries += BrandString.entries(inputs)
        entries += CacheLeaves.leaf80000005and6(inputs)
        entries += [ExtendedLeaves.powerManagement(inputs), ExtendedLeaves.addressSizes(inputs)]
        entries += ExtendedLeaves.virtualization(inputs)
        entries += CacheLeaves.leaf8000001D(inputs)
        entries += TopologyLeaves.leaf8000001E(inputs)
        entries += ExtendedLeaves.features2(inputs)
        return entries
    }
}
