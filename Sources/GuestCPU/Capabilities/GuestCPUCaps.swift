// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What KVM lets one vCPU use.
///
/// The words live in a ``VCPU`` and change only through its methods. A snapshot can be taken out, but nothing can be
/// put in: a function over bare words would accept the host's as readily as a vCPU's, or another vCPU's.
public struct GuestCPUCaps: Sendable, Hashable {
    fileprivate var features: FeatureSet

    fileprivate init(_ features: FeatureSet) { self.features = features }

    /// Whether the vCPU could use the feature when the snapshot was taken.
    public func has(_ feature: StaticFeature) -> Bool { features.contains(feature.feature) }

    /// All features, with the runtime ones as they stood when the snapshot was taken.
    public var snapshot: FeatureSet { features }
}

/// One vCPU as KVM sees it: its table, and what it may use.
///
/// The methods that change capabilities take the vCPU and a typed feature, and nothing else: `set`, `clear`, `change`
/// and
/// `restrict`, as in the kernel's work on guest capabilities.
public final class VCPU {
    /// The host whose capabilities bound this vCPU's.
    public let host: HostCPUCaps
    /// The table in force.
    public private(set) var table: CPUIDTable
    private var caps: GuestCPUCaps
    private let rules: VendorRules

    /// A vCPU with this table on this host, in this state: what KVM_SET_CPUID2 makes of it.
    public init(table: CPUIDTable, host: HostCPU, state: VCPUState = .reset, usesTDP: Bool = true) {
        self.host = host.caps
        self.table = table
        caps = GuestCPUCaps(FeatureSet())
        rules = VendorRules(isAMDHost: host.identity.vendor.isAMDLike, usesTDP: usesTDP)
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
        RuntimeBits.isOn(feature, state: state, table: table)
    }

    /// The capabilities as they are now.
    public var snapshot: GuestCPUCaps { caps }

    /// Takes in a change of state: table bits and capabilities of the runtime features change together.
    public func update(to state: VCPUState) {
        table = RuntimeBits.updated(table, state: state)
        for feature in RuntimeFeature.allCases where feature != .mwait {
            if RuntimeBits.isOn(feature, state: state, table: table) {
                caps.features.insert(feature.feature)
            } else {
                caps.features.remove(feature.feature)
            }
        }
    }

    /// Linux, `kvm_vcpu_after_set_cpuid`: intersect, runtime features, then the vendor's rules.
    private func install(_ newTable: CPUIDTable, state: VCPUState) {
        table = newTable
        caps = GuestCPUCaps(host.honoured(of: FeatureSet(table: newTable)))
        update(to: state)
        rules.apply(to: self)
    }
}
