// SPDX-License-Identifier: Apache-2.0

/// One host's CPU as its KVM offers it to guests: built once, then never changed.
///
/// It comes from `/dev/kvm` or from a document of another machine; everything that computes takes a `HostCPU`, so a
/// dump of a real machine is a host to compute for.
public struct HostCPU: Sendable, Hashable {
    /// What the host says of itself beside its tables.
    public struct Identity: Sendable, Hashable {
        /// The vendor that executes the guest's code.
        public var vendor: CPUVendor
        /// Family, model and stepping.
        public var signature: CPUSignature
        /// The brand string of leaves 0x80000002...4, or empty.
        public var brand: String
        /// The microcode revision, 0 where unknown.
        public var microcode: UInt32
        /// The kernel's release, as `uname -r` prints it, or empty.
        public var kernel: String
        /// The KVM vendor module: `kvm_intel`, `kvm_amd`, `kvm_pvm`, or empty where unknown.
        public var module: String

        /// An identity from its parts.
        public init(
            vendor: CPUVendor, signature: CPUSignature, brand: String = "", microcode: UInt32 = 0, kernel: String = "",
            module: String = ""
        ) {
            self.vendor = vendor
            self.signature = signature
            self.brand = brand
            self.microcode = microcode
            self.kernel = kernel
            self.module = module
        }
    }

    /// What the host says of itself.
    public let identity: Identity
    /// KVM_GET_SUPPORTED_CPUID, normalised: without the APIC ids of the CPU that happened to execute the ioctl.
    public let supported: CPUIDTable
    /// KVM_GET_EMULATED_CPUID: what KVM can emulate slowly.
    public let emulated: CPUIDTable
    /// What the CPUID instruction returns on the host itself, normalised likewise; empty where unknown.
    public let native: CPUIDTable
    /// KVM_GET_SUPPORTED_HV_CPUID: what KVM offers of Microsoft's hypervisor interface; empty where it has none, or
    /// nobody asked.
    public let hyperV: CPUIDTable
    /// The feature MSRs that KVM lists, with the most it offers in each.
    public let featureMSRs: [UInt32: UInt64]
    /// Values of KVM_CHECK_EXTENSION by the constant's name without `KVM_CAP_`.
    public let capabilities: [String: Int]

    /// Every feature a guest may be given on this host; see ``GrantableFeatures``.
    public let grantable: FeatureSet
    /// The features KVM honours when a guest's table has them: supported and emulated ones.
    public let caps: HostCPUCaps

    /// A host from what it answered; APIC ids are taken out here.
    public init(
        identity: Identity, supported: CPUIDTable, emulated: CPUIDTable = CPUIDTable(),
        native: CPUIDTable = CPUIDTable(), hyperV: CPUIDTable = CPUIDTable(), featureMSRs: [UInt32: UInt64] = [:],
        capabilities: [String: Int] = [:]
    ) {
        self.identity = identity
        self.supported = supported.withoutAPICIDs()
        self.emulated = emulated
        self.native = native.withoutAPICIDs()
        self.hyperV = hyperV
        self.featureMSRs = featureMSRs
        self.capabilities = capabilities
        grantable = GrantableFeatures.of(
            vendor: identity.vendor, supported: self.supported, native: self.native, featureMSRs: featureMSRs,
            capabilities: capabilities)
        caps = HostCPUCaps(supported: self.supported, emulated: emulated)
    }

    /// The width of a physical address a guest may have: 0x80000008.EAX[7:0], or KVM's assumption of 36 bits.
    public var physicalAddressBits: UInt8 {
        let leaf = supported.value(0x8000_0008, 0, .eax)
        return leaf & 0xFF == 0 ? 36 : UInt8(truncatingIfNeeded: leaf)
    }
}

/// What KVM honours of a guest's table: a feature outside it may be shown to a guest, but has no effect in KVM.
///
/// The kernel's host capabilities and emulated features. There are no mutators: changing host capabilities by mistake
/// for a vCPU's would quietly change every VM.
public struct HostCPUCaps: Sendable, Hashable {
    private let supported: FeatureSet
    private let emulated: FeatureSet

    init(supported: CPUIDTable, emulated: CPUIDTable) {
        self.supported = FeatureSet(table: supported)
        // MWAIT is never advertised, but honoured when a guest's table has it (Linux, kvm_vcpu_after_set_cpuid).
        self.emulated = FeatureSet(table: emulated).union([.monitor])
    }

    /// Whether KVM advertises the feature.
    public func has(_ feature: Feature) -> Bool { supported.contains(feature) }

    /// Whether KVM honours the feature when a guest's table has it.
    public func honours(_ feature: Feature) -> Bool { supported.contains(feature) || emulated.contains(feature) }

    /// The features of a guest's table that KVM honours.
    public func honoured(of guest: FeatureSet) -> FeatureSet { supported.union(emulated).intersection(guest) }
}
