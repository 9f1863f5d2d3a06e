// SPDX-License-Identifier: Apache-2.0

extension GuestCPU {
    /// What a VM's owner may choose beside model and topology.
    public struct Options: Sendable, Hashable {
        /// Where the caches that the guest sees come from.
        public enum Caches: String, Sendable, Hashable, CaseIterable {
            /// The model's own table; for `host` and `max` the host's.
            case model
            /// The host's leaves, with the sharing that the guest's topology gives.
            case host
            /// Nowhere: no leaf tells of caches.
            case none
        }

        /// Width of a guest physical address, in bits; nil for the host's.
        public var physicalAddressBits: UInt8?
        /// The most bits that a guest physical address may have where the host's width is taken; nil for no limit.
        public var physicalAddressLimit: UInt8?
        /// x2APIC id of every vCPU in topology order; nil for those that follow from the topology.
        public var apicIDs: [UInt32]?
        /// Where the caches come from.
        public var caches: Caches
        /// Whether the guest has performance counters: the host's, as KVM virtualises them.
        public var hasPMU: Bool
        /// The frequency of the guest's TSC in kHz, to be told in leaves 0x15, 0x16 and 0x40000010; nil to tell none.
        ///
        /// The VM's owner has to give KVM the same value with KVM_SET_TSC_KHZ.
        public var tscKHz: UInt32?
        /// The highest basic leaf; nil for the model's level, raised as the features need it.
        public var level: UInt32?
        /// The highest extended leaf; nil likewise.
        public var extendedLevel: UInt32?
        /// Whether the leaf that tells of dies and modules is there for any topology: 0x1F, or on AMD 0x80000026.
        public var hasExtendedTopology: Bool
        /// Whether the guest may see that it runs on KVM.
        public var exposesKVM: Bool
        /// The parts of Microsoft's hypervisor interface that the guest is offered.
        public var hyperV: Set<HyperVFeature>
        /// Sections of the enclave page cache; SGX needs at least one.
        public var enclavePageCache: [EnclavePageCacheSection]

        /// Options, each at its default unless given.
        public init(
            physicalAddressBits: UInt8? = nil, physicalAddressLimit: UInt8? = nil, apicIDs: [UInt32]? = nil,
            caches: Caches = .model, hasPMU: Bool = false, tscKHz: UInt32? = nil, level: UInt32? = nil,
            extendedLevel: UInt32? = nil, hasExtendedTopology: Bool = false, exposesKVM: Bool = true,
            hyperV: Set<HyperVFeature> = [], enclavePageCache: [EnclavePageCacheSection] = []
        ) {
            self.physicalAddressBits = physicalAddressBits
            self.physicalAddressLimit = physicalAddressLimit
            self.apicIDs = apicIDs
            self.caches = caches
            self.hasPMU = hasPMU
            self.tscKHz = tscKHz
            self.level = level
            self.extendedLevel = extendedLevel
            self.hasExtendedTopology = hasExtendedTopology
            self.exposesKVM = exposesKVM
            self.hyperV = hyperV
            self.enclavePageCache = enclavePageCache
        }
    }
}

/// A section of a guest's enclave page cache, as the VM's owner has mapped it from `/dev/sgx_vepc`.
public struct EnclavePageCacheSection: Sendable, Hashable {
    /// Guest physical address, a multiple of 4096.
    public let address: UInt64
    /// Size in bytes, a multiple of 4096.
    public let size: UInt64

    /// A section; nil unless both are multiples of a page below 2^52, and the size is not zero.
    public init?(address: UInt64, size: UInt64) {
        let limit: UInt64 = 1 << 52
        guard address % 4096 == 0, size % 4096 == 0, size > 0, address < limit, size < limit else { return nil }
        self.address = address
        self.size = size
    }
}
