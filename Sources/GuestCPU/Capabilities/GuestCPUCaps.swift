// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What KVM lets one vCPU use, apart from the features that come and go with its state.
///
/// The words live in a ``VCPU`` and change only through its methods. A snapshot can be taken out, but nothing can be
/// put in: a function over bare words would accept the host's as readily as a vCPU's, or another vCPU's. The runtime
/// features are not in it, in no form: whoever wants those has to say for which state.
public struct GuestCPUCaps: Sendable, Hashable {
    /// The features; of runtime ones only MWAIT, as in the kernel, where its runtime update is off by default.
    public fileprivate(set) var features: FeatureSet

    fileprivate init(_ features: FeatureSet) {
        self.features = features
        for feature in RuntimeFeature.allCases where feature != .mwait { self.features.remove(feature.feature) }
    }

    /// Whether the vCPU could use the feature when the snapshot was taken.
    public func has(_ feature: StaticFeature) -> Bool { features.contains(feature.feature) }
}

/// One vCPU as KVM sees it: its table, and what it may use.
///
/// The methods that change capabilities take the vCPU and a typed feature, and nothing else: `set`, `clear`, `change`
/// and `restrict`, as in the kernel's work on guest capabilities.
public final class VCPU {
    /// The host whose capabilities bound this vCPU's.
    public let host: HostCPUCaps
    /// How KVM keeps the table up to date, and which of its generations this is.
    public let rules: RuntimeRules
    /// The table in force.
    public private(set) var table: CPUIDTable
    private var caps: GuestCPUCaps
    private let hostLimits: CPUIDTable

    /// A vCPU with this table on this host, in this state: what KVM_SET_CPUID2 makes of it.
    public init(table: CPUIDTable, host: HostCPU, state: VCPUState = .reset, kvm: KVMRules? = nil) {
        self.host = host.caps
        self.table = CPUIDTable()
        caps = GuestCPUCaps(FeatureSet())
        rules = RuntimeRules(host: host, kvm: kvm ?? KVMRules(host: host))
        hostLimits = host.supported
        install(table, state: state)
    }

    /// Puts another table in force and derives the capabilities anew.
    public func apply(_ table: CPUIDTable, state: VCPUState = .reset) {
        install(table, state: state)
    }

    /// Puts another table in force and derives the capabilities anew, if the vCPU then stands the test. One that does
    /// not has its old table and capabilities back when the error is thrown.
    public func apply<Failure: Error>(
        _ table: CPUIDTable, state: VCPUState = .reset, validating validate: (VCPU) throws(Failure) -> Void
    ) throws(Failure) {
        let before = (self.table, caps)
        install(table, state: state)
        do {
            try validate(self)
        } catch {
            (self.table, caps) = before
            throw error
        }
    }

    /// Gives the vCPU the feature.
    public func set(_ feature: StaticFeature) { caps.features.insert(feature.feature) }

    /// Takes the feature from the vCPU.
    public func clear(_ feature: StaticFeature) { caps.features.remove(feature.feature) }

    /// Gives or takes the feature.
    public func change(_ feature: StaticFeature, to isOn: Bool) {
        if isOn { set(feature) } else { clear(feature) }
    }

    /// Takes the feature unless the host has it. Never gives it.
    public func restrict(_ feature: StaticFeature) {
        if !host.honours(feature.feature) { clear(feature) }
    }

    /// Whether the vCPU may use the feature.
    public func has(_ feature: StaticFeature) -> Bool { caps.has(feature) }

    /// Whether the vCPU may use the feature in this state. There is no answer without a state: a runtime feature in a
    /// cached capability may be stale.
    public func has(_ feature: RuntimeFeature, in state: VCPUState) -> Bool {
        let current = rules.updated(table, state: PartialVCPUState(state)).table
        return FeatureSet(table: current).contains(feature.feature)
    }

    /// All features that the vCPU may use in this state.
    public func features(in state: VCPUState) -> FeatureSet {
        var features = caps.features
        for feature in RuntimeFeature.allCases where feature != .mwait && has(feature, in: state) {
            features.insert(feature.feature)
        }
        return features
    }

    /// The capabilities as they are now.
    public var snapshot: GuestCPUCaps { caps }

    /// Takes in a change of state: the table's bits, and the one runtime feature that is kept as a capability.
    public func update(to state: VCPUState) {
        table = rules.updated(table, state: PartialVCPUState(state)).table
        if !state.hasMWAITQuirk { change(.monitor, to: has(.mwait, in: state)) }
    }

    /// The limits that KVM derives from the table for the vCPU's registers.
    public var limits: VCPULimits { VCPULimits(of: self, host: hostLimits) }

    /// Linux, `kvm_vcpu_after_set_cpuid`: intersect, runtime features, then GBPAGES and the vendor's rules.
    private func install(_ newTable: CPUIDTable, state: VCPUState) {
        table = rules.predicted(setting: newTable, over: table, state: PartialVCPUState(state)).table
        caps = GuestCPUCaps(InitialCapabilities.of(table, host: host, generation: rules.kvm.generation))
        if !state.hasMWAITQuirk { change(.monitor, to: has(.mwait, in: state)) }
        VendorRules(kvm: rules.kvm).apply(to: self)
    }
}
