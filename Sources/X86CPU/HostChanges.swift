// SPDX-License-Identifier: Apache-2.0

/// How a host differs from what it was at an earlier time: after another kernel, other microcode, other module
/// parameters.
public struct HostChanges: Sendable, Hashable {
    /// Something that was one thing and is another.
    public struct Change<Place: Sendable & Hashable, Value: Sendable & Hashable>: Sendable, Hashable {
        /// What it is.
        public let place: Place
        /// What it was; nil where it was not there.
        public let before: Value?
        /// What it is now; nil where it is not there any more.
        public let now: Value?
    }

    /// What a host says of itself.
    public enum IdentityField: String, Sendable, Hashable, CaseIterable {
        case vendor, signature, brand, microcode, kernel, module
    }

    /// A register of KVM_GET_SUPPORTED_CPUID.
    public struct Register: Sendable, Hashable {
        /// The leaf.
        public let leaf: UInt32
        /// The subleaf.
        public let subleaf: UInt32
        /// The register.
        public let register: CPUIDRegister
    }

    /// What the host says of itself, as text.
    public let identity: [Change<IdentityField, String>]
    /// The features that guests can be given no more: those of the feature MSRs too.
    public let lost: FeatureSet
    /// The features that guests can be given since.
    public let gained: FeatureSet
    /// The feature MSRs, by index, with the most that KVM offers in each. The microcode revision is in ``identity``.
    public let msrs: [Change<UInt32, UInt64>]
    /// Registers that are no sets of features: levels, sizes, widths, counts.
    public let registers: [Change<Register, UInt32>]
    /// KVM_CHECK_EXTENSION, by name.
    public let capabilities: [Change<String, Int>]

    /// Whether nothing is different.
    public var isEmpty: Bool {
        identity.isEmpty && lost.isEmpty && gained.isEmpty && msrs.isEmpty && registers.isEmpty && capabilities.isEmpty
    }

    /// What is different now.
    public init(from before: HostCPU, to now: HostCPU) {
        identity = IdentityField.allCases.compactMap { field in
            Change(field, before.identity.text(of: field), now.identity.text(of: field))
        }
        lost = before.grantable.subtracting(now.grantable)
        gained = now.grantable.subtracting(before.grantable)
        let microcodeRevision: UInt32 = 0x8B
        msrs = Self.changes(before.featureMSRs, now.featureMSRs).filter { $0.place != microcodeRevision }
        registers = Self.registers(before.supported, now.supported)
        capabilities = Self.changes(before.capabilities, now.capabilities)
    }

    private static func changes<Place: Comparable, Value>(
        _ before: [Place: Value], _ now: [Place: Value]
    ) -> [Change<Place, Value>] {
        Set(before.keys).union(now.keys).sorted().compactMap { Change($0, before[$0], now[$0]) }
    }

    private static func registers(_ before: CPUIDTable, _ now: CPUIDTable) -> [Change<Register, UInt32>] {
        var places: [Register] = []
        for entry in now.entries + before.entries {
            for register in CPUIDRegister.allCases {
                let subleaf = entry.subleaf.index
                guard FeatureWord(leaf: entry.leaf, subleaf: subleaf, register: register) == nil else { continue }
                places.append(Register(leaf: entry.leaf, subleaf: subleaf, register: register))
            }
        }
        var seen: Set<Register> = []
        return places.filter { seen.insert($0).inserted }.sorted().compactMap { place in
            Change(
                place, before.value(place.leaf, place.subleaf, place.register),
                now.value(place.leaf, place.subleaf, place.register))
        }
    }
}

extension HostChanges.Change {
    /// Nil where both are the same.
    fileprivate init?(_ place: Place, _ before: Value?, _ now: Value?) {
        guard before != now else { return nil }
        self.place = place
        self.before = before
        self.now = now
    }
}

extension HostChanges.Register: Comparable {
    /// By leaf, subleaf and register.
    public static func < (left: Self, right: Self) -> Bool {
        (left.leaf, left.subleaf, left.register.rawValue) < (right.leaf, right.subleaf, right.register.rawValue)
    }
}

extension HostCPU.Identity {
    fileprivate func text(of field: HostChanges.IdentityField) -> String? {
        let text =
            switch field {
            case .vendor: vendor.description
            case .signature: "family \(signature.family), model \(signature.model), stepping \(signature.stepping)"
            case .brand: brand
            case .microcode: microcode == 0 ? "" : "0x" + String(microcode, radix: 16)
            case .kernel: kernel
            case .module: module
            }
        return text.isEmpty ? nil : text
    }
}
