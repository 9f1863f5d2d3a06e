// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import X86CPU

/// The CPU of some vCPUs of a VM, ready for KVM: a table for each, and the feature MSRs of all of them.
public struct GuestTables: Sendable {
    /// The model, expanded for the host.
    public let model: ExpandedModel
    /// How the VM's vCPUs are arranged.
    public let topology: Topology
    /// The features that the guest gets.
    public let features: FeatureSet
    /// What the request names and the guest does not get.
    public let missing: [UnavailableFeature]
    /// The value each feature MSR has to be given, by index.
    public let featureMSRs: [UInt32: UInt64]
    /// The x2APIC id of every vCPU.
    public let apicIDs: [UInt32]
    /// The table of every vCPU, in the same order.
    public let tables: [CPUIDTable]

    /// What is odd about the guest's CPU, and stays.
    public let notes: [GuestCPUNote]

    /// What the launcher has to do before it creates its first vCPU.
    public var requirements: [LauncherRequirement] { LauncherRequirement.all(of: features) }
}

extension GuestCPU {
    /// The tables of all vCPUs, in topology order.
    public var tables: GuestTables {
        GuestTables(
            model: model, topology: topology, features: features, missing: missing, featureMSRs: featureMSRs,
            apicIDs: apicIDs, tables: (0..<vcpuCount).map(table(ofVCPU:)), notes: notes)
    }
}
