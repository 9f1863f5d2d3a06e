// SPDX-License-Identifier: Apache-2.0

/// A project whose spelling of feature names the registry knows.
public enum FeatureProject: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case qemu, libvirt, linux, xen

    /// The project's name in lower case, as it stands in the registry's file.
    public var description: String {
        switch self {
        case .qemu: "qemu"
        case .libvirt: "libvirt"
        case .linux: "linux"
        case .xen: "xen"
        }
    }

    init?(_ name: String) {
        guard let match = Self.allCases.first(where: { $0.description == name }) else { return nil }
        self = match
    }
}

/// That a feature does not work without another one.
public struct FeatureNeed: Sendable, Hashable {
    /// The features of which one is enough; usually there is only one.
    public let anyOf: [Feature]
    /// The projects that say so; none where it is plain from the vendor's manual.
    public let sources: [FeatureProject]
    /// Whether it is one project's policy that real CPUs contradict, so that nothing follows from it here.
    public let isPolicy: Bool
}

/// What the registry knows of one feature.
public struct FeatureInfo: Sendable, Hashable {
    /// Where the bit is.
    public let feature: Feature
    /// The feature's name here: QEMU's where QEMU has the bit, else libvirt's, Linux's or Xen's.
    public let name: String
    /// What the projects call it. The first spelling of a project is the one it writes, the others it only reads.
    public let spellings: [(project: FeatureProject, name: String)]
    /// What the feature needs.
    public let needs: [FeatureNeed]
    /// The marks that the registry's file gives the feature.
    public let flags: FeatureFlags
    /// The guests that Xen offers the feature: `A` all, `S` any HVM, `H` HVM with hardware paging, in lower case only
    /// when asked; nil for none.
    public let xenGuests: Character?

    /// What the project writes for the feature; nil when it does not know the bit. For Linux this is the flag of
    /// `/proc/cpuinfo`.
    public func name(in project: FeatureProject) -> String? {
        spellings.first { $0.project == project }?.name
    }

    /// Every other name under which ``FeatureRegistry/feature(named:)`` may find the feature.
    public var aliases: [String] {
        var found: [String] = []
        for (_, spelling) in spellings where spelling != name && !found.contains(spelling) {
            found.append(spelling)
        }
        return found
    }

    /// Whether both tell the same of the same bit.
    public static func == (left: FeatureInfo, right: FeatureInfo) -> Bool {
        left.feature == right.feature && left.name == right.name && left.needs == right.needs
            && left.flags == right.flags && left.xenGuests == right.xenGuests
            && left.spellings.elementsEqual(right.spellings, by: ==)
    }

    /// Hashes the position, which is unique in a registry.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(feature)
    }
}

/// Marks of a feature.
public struct FeatureFlags: OptionSet, Sendable, Hashable {
    /// The marks as bits, in no order that means anything outside.
    public let rawValue: UInt8

    /// Marks from their bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Over a pool of hosts the bit adds up: it says "one must do this" and holds when it holds on any host.
    public static let accumulates = FeatureFlags(rawValue: 1 << 0)
    /// Xen gives the bit a meaning of its own in guests.
    public static let special = FeatureFlags(rawValue: 1 << 1)
    /// QEMU does not migrate a guest that has the feature.
    public static let unmigratable = FeatureFlags(rawValue: 1 << 2)
    /// libvirt does not migrate a guest that has the feature.
    public static let unmigratableInLibvirt = FeatureFlags(rawValue: 1 << 3)
    /// A guest that is given the whole host does not have it unless asked.
    public static let optIn = FeatureFlags(rawValue: 1 << 4)
}
