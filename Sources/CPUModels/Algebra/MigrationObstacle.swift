// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// Why a guest cannot run on a host.
public enum MigrationObstacle: Sendable, Hashable, CustomStringConvertible {
    /// Why a host has not what the guest has.
    public enum Cause: Sendable, Hashable {
        /// The host does not offer it.
        case lacking
        /// The host's CPU has it, but its KVM does not offer it.
        case hidden
        /// What is known of the host does not tell the register.
        case untold
    }

    /// What a highest leaf is of.
    public enum LeafRange: Sendable, Hashable {
        /// The leaves from 0.
        case basic
        /// The leaves from 0x80000000.
        case extended
    }

    /// The guest's CPU is of one vendor, the host's of another.
    case vendor(guest: CPUVendor, host: CPUVendor)
    /// The guest has a feature that the host has not.
    case feature(Feature, Cause)
    /// A bit that must not come up under a running guest is set here and was not where the guest comes from.
    case changed(Feature)
    /// The guest was told to clear buffers by an instruction that cleared them where it comes from and does not here,
    /// and the host does not say that it needs none of it.
    case unprotected(Feature)
    /// A number in a feature word is not what the guest was told, or is less.
    case number(NumberField, guest: UInt64, host: UInt64)
    /// The guest's table has leaves beyond the host's highest.
    case level(LeafRange, guest: UInt32, host: UInt32)
    /// A leaf of the guest's table goes farther than the host's.
    case subleafLimit(leaf: UInt32, guest: UInt32, host: UInt32)
    /// The guest was told more bits of a physical address than the host has.
    case physicalAddressBits(guest: UInt8, host: UInt8)
    /// The guest was told more bits of a linear address than the host has.
    case linearAddressBits(guest: UInt8, host: UInt8)

    /// The feature that it is about; nil for what is no feature.
    public var feature: Feature? {
        switch self {
        case .feature(let feature, _), .changed(let feature), .unprotected(let feature): feature
        default: nil
        }
    }

    /// The reason as a sentence.
    public var description: String {
        switch self {
        case .vendor(let guest, let host): return "The guest's CPU is \(guest), and the host's is \(host)."
        case .feature(let feature, let cause):
            let reason =
                switch cause {
                case .lacking: "the host does not have it"
                case .hidden: "the host's CPU has it, but the host's KVM does not offer it"
                case .untold: "what is known of the host does not tell that register"
                }
            return "The guest has \(feature.nameAndPlace), and \(reason)."
        case .changed(let feature):
            return "\(feature.nameAndPlace) is set on the host and was not where the guest comes from."
        case .unprotected(let feature):
            return
                "The guest relies on \(feature.nameAndPlace), as it could where it comes from; the host neither has it "
                + "nor says that it is not affected."
        case .number(let field, let guest, let host):
            return "For the guest \(field.name) is \(guest), and for the host \(host)."
        case .level(.basic, let guest, let host):
            return "The guest's highest basic leaf is \(hex(guest)), and the host's is \(hex(host))."
        case .level(.extended, let guest, let host):
            return "The guest's highest extended leaf is \(hex(guest)), and the host's is \(hex(host))."
        case .subleafLimit(let leaf, let guest, let host):
            return "The guest's leaf \(hex(leaf)) goes to \(guest), and the host's to \(host)."
        case .physicalAddressBits(let guest, let host):
            return "The guest has physical addresses of \(guest) bits, and the host of \(host)."
        case .linearAddressBits(let guest, let host):
            return "The guest has linear addresses of \(guest) bits, and the host of \(host)."
        }
    }

    private func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
}

/// What does not keep a guest from running on a host, but should be known before it does.
public enum MigrationCaution: Sendable, Hashable, CustomStringConvertible {
    /// The guest was told to clear buffers by an instruction that does not clear them here, and the host does not say
    /// that it needs none of it.
    case ineffective(Feature)
    /// What the guest must be told on this host it is not told.
    case notTold(Feature)
    /// An x87 state that the guest's last host saved is not saved here.
    case lost(Feature)

    /// The feature that it is about.
    public var feature: Feature {
        switch self {
        case .ineffective(let feature), .notTold(let feature), .lost(let feature): feature
        }
    }

    /// The caution as a sentence.
    public var description: String {
        switch self {
        case .ineffective(let feature):
            "The guest relies on \(feature.nameAndPlace), and the host neither has it nor says that it is not affected."
        case .notTold(let feature):
            "The host has \(feature.nameAndPlace), which guests here must know of, and the guest does not."
        case .lost(let feature):
            "The host has \(feature.nameAndPlace): it does not save what the guest's last host saved."
        }
    }
}

extension Feature {
    /// The name, and after it where the bit is; the place alone for a bit without a name.
    fileprivate var nameAndPlace: String {
        guard let info = FeatureRegistry.shared.info(of: self) else { return description }
        return "\(info.name) (\(self))"
    }
}
