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
    let options: GuestCPU.Options

    /// The caches that the guest sees, in the order of the leaves.
    var caches: [Cache] {
        switch (options.caches, model.caches) {
        case (.none, _), (.model, .unknown): []
        case (.host, _), (.model, .host): host.caches
        case (.model, .model(let caches)): caches.all
        }
    }

    var vendor: CPUVendor { model.vendor }

    /// A register's feature bits.
    func bits(_ word: FeatureWord) -> UInt32 { UInt32(truncatingIfNeeded: features[word]) }
}

/// Which leaves a table has, in which order, and how high its levels are.
///
/// The APIC ids are left at zero: ``APICIdentity`` writes them for each vCPU.
///
/// No model needs leaves 0x18 (deterministic TLB parameters), 0x19 (Key Locker) and 0x1A (native model ids), so they are
/// zeros within reach, as in QEMU's tables. Leaf 0x18 is asked for by descriptor 0xFE of leaf 2, which ours does not have;
/// 0x19 belongs to a feature that no KVM gives to guests; and 0x1A to CPUs of several kinds of cores, 7.0.EDX[15], which KVM
/// does not offer either: a vCPU moves between the host's cores (Intel SDM volume 2, CPUID; Linux, `__do_cpuid_func`).
struct LeafPlan {
    private let inputs: LeafInputs

    init(_ inputs: LeafInputs) { self.inputs = inputs }

    /// The table that all vCPUs share.
    ///
    /// A model's levels are floors. A leaf that holds one of the guest's features must be within reach, and raises
    /// them; one that only describes (caches, topology, the brand string) is there as far as the levels reach. A level
    /// that the VM's owner gave is the level.
    func table() -> CPUIDTable {
        let features = featureLeaves()
        let options = inputs.options
        let highest = options.level ?? max(inputs.model.level, highestLeaf(of: features, from: 0))
        let highestExtended =
            options.extendedLevel ?? max(inputs.model.extendedLevel, highestLeaf(of: features, from: 0x8000_0000))
        let leaves = (features + descriptiveLeaves())
            .filter { $0.leaf >= 0xC000_0000 || $0.leaf <= ($0.leaf < 0x8000_0000 ? highest : highestExtended) }
            .sorted { ($0.leaf, $0.subleaf.index) < ($1.leaf, $1.subleaf.index) }

        var table = CPUIDTable()
        table.reserveCapacity(leaves.count + 4)
        table.append(Leaf0.basic(inputs, highest: highest))
        table.append(contentsOf: leaves.filter { $0.leaf < 0x8000_0000 })
        table.append(contentsOf: HyperVLeaves.entries(inputs))
        table.append(contentsOf: KVMLeaves.entries(inputs))
        if highestExtended >= 0x8000_0000 {
            table.append(Leaf0.extended(inputs, highest: highestExtended))
            table.append(contentsOf: leaves.filter { $0.leaf >= 0x8000_0000 })
        }
        return table
    }

    private func highestLeaf(of entries: [CPUIDEntry], from base: UInt32) -> UInt32 {
        entries.lazy.map(\.leaf).filter { $0 >= base && $0 - base < 0x1000_0000 }.max() ?? 0
    }

    private func featureLeaves() -> [CPUIDEntry] {
        var entries = [Leaf1.entry(inputs)]
        entries += PowerLeaves.monitor(inputs)
        entries += PowerLeaves.thermal(inputs)
        entries += Leaf7.entries(inputs)
        entries += PMULeaves.architectural(inputs)
        entries += XSAVELeaves.entries(inputs)
        entries += SGXLeaves.entries(inputs)
        entries += ProcessorTraceLeaf.entries(inputs)
        entries += PMULeaves.lastBranchRecords(inputs)
        entries += AMXLeaves.entries(inputs)
        entries += AVX10Leaves.entries(inputs)
        entries += TopologyLeaves.leaf1F(inputs)
        entries += ExtendedLeaves.features(inputs)
        entries += ExtendedLeaves.powerManagement(inputs)
        entries += ExtendedLeaves.addressSizes(inputs)
        entries += ExtendedLeaves.virtualization(inputs)
        entries += CacheLeaves.leaf8000001D(inputs)
        entries += TopologyLeaves.leaf8000001E(inputs)
        entries += ExtendedLeaves.features2(inputs)
        entries += PMULeaves.extended(inputs)
        entries += TopologyLeaves.leaf80000026(inputs)
        entries += ExtendedLeaves.centaur(inputs)
        return entries
    }

    private func descriptiveLeaves() -> [CPUIDEntry] {
        var entries = CacheLeaves.leaf2(inputs)
        entries += CacheLeaves.leaf4(inputs)
        entries += TopologyLeaves.leafB(inputs)
        entries += FrequencyLeaves.native(inputs)
        entries += BrandString.entries(inputs)
        entries += CacheLeaves.leaf80000005and6(inputs)
        entries += ExtendedLeaves.processorHints(inputs)
        return entries
    }
}
