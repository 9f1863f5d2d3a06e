// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import Reactor
import X86CPU

/// What vCPUs may use whatever their state, of every VM: worked out once for all that have the same stamp, which a
/// whole fleet may share.
@ReactorActor
final class StaticFeatures {
    private var known: [Stamp: FeatureSet] = [:]

    /// The distinct sets of a VM's vCPUs, with the number of vCPUs that have each.
    func sets(of vm: RegisteredVM, on host: HostCPU?) -> [(features: FeatureSet, vcpus: Int)] {
        vm.stampGroups.map { group in (features(of: vm.record, vcpu: group.first, group.stamp, host), group.count) }
    }

    /// Forgets what no VM has any more.
    func prune(keeping vms: [RegisteredVM]) {
        let stamps = Set(vms.flatMap(\.stampGroups).map(\.stamp))
        guard known.count > stamps.count else { return }
        known = known.filter { stamps.contains($0.key) }
    }

    private func features(of record: VMRecord, vcpu: Int, _ stamp: Stamp, _ host: HostCPU?) -> FeatureSet {
        if let features = known[stamp] { return features }
        let features = record.staticFeatures(ofVCPU: vcpu, on: host)
        known[stamp] = features
        return features
    }
}

extension VMRecord {
    /// What KVM lets a vCPU use whatever its state, and what its feature MSRs tell it; what its table says where nothing
    /// is known of the host.
    func staticFeatures(ofVCPU index: Int, on host: HostCPU?) -> FeatureSet {
        let table = tables[index]
        let told = FeatureSet(table: CPUIDTable(), msrs: featureMSRs)
        guard let host else { return FeatureSet(table: table).union(told) }
        return VCPU(table: table, host: host).snapshot.features.union(told)
    }
}
