// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A CPU as comparison, baseline, detection and migration checks see it: what it can do, and what is known of it.
///
/// Models, hosts, dumps, guests' tables and pools of hosts all become one of these, so that any of them can be set
/// against any other.
public struct CPUDescription: Sendable, Hashable {
    /// What is described.
    public enum Origin: Sendable, Hashable {
        /// A model, or a model as it is expanded: its levels are floors, and its tables are made as they are needed.
        case model
        /// What a host's KVM offers to guests.
        case host
        /// A CPUID table as it was found: a dump of a machine, or a guest's own.
        case table
        /// What a pool of hosts has in common.
        case pool
    }

    /// The name under which results speak of it, for example a file's or a model's.
    public var name: String
    /// What is described.
    public var origin: Origin
    /// The vendor; nil where none is told or several disagree.
    public var vendor: CPUVendor?
    /// Family, model and stepping; nil where they are not told or disagree.
    public var signature: CPUSignature?
    /// The features, those without a name too. Not in it: bits that show the state of the running system
    /// (``runtime``), numbers that share a word with features (``numbers``), and, with AMD's and Hygon's CPUs, the bits
    /// of 0x80000001.EDX that repeat those of 1.EDX.
    public var features: FeatureSet
    /// OSXSAVE and OSPKE as they were found: they follow CR4 and say nothing of the CPU.
    public var runtime: FeatureSet
    /// The fields of feature words that are numbers, as they were found; see ``NumberField``.
    public var numbers: FeatureSet
    /// All bits of the feature words of which nothing is known, for example those of MSRs in a dump of CPUID.
    public var untold: FeatureSet
    /// The features that the CPU itself has but its KVM does not offer; empty where only one of the two is known.
    public var hidden: FeatureSet
    /// The highest basic leaf (leaf 0, EAX); nil where not known.
    public var level: UInt32?
    /// The highest extended leaf (leaf 0x80000000, EAX); nil where not known.
    public var extendedLevel: UInt32?
    /// The greatest number that a leaf's first answer tells in EAX, by leaf; see ``countedLeaves``.
    public var subleafLimits: [UInt32: UInt32]
    /// The width of physical addresses (0x80000008, EAX[7:0]); nil where not known.
    public var physicalAddressBits: UInt8?
    /// The width of linear addresses (0x80000008, EAX[15:8]); nil where not known.
    public var linearAddressBits: UInt8?

    /// A CPU of which this much is known. Runtime bits, numbers and repeated bits among the features are put in their
    /// own places.
    public init(
        name: String, origin: Origin, vendor: CPUVendor? = nil, signature: CPUSignature? = nil, features: FeatureSet,
        untold: FeatureSet = [], level: UInt32? = nil, extendedLevel: UInt32? = nil,
        physicalAddressBits: UInt8? = nil, linearAddressBits: UInt8? = nil
    ) {
        self.name = name
        self.origin = origin
        self.vendor = vendor
        self.signature = signature
        runtime = features.intersection(Self.runtimeBits)
        numbers = features.intersection(NumberField.allBits)
        var rest = features.subtracting(Self.notFeatures)
        if vendor?.isAMDLike == true {
            rest[.leaf80000001_edx] &= ~(UInt64(CPUVendor.repeatedLeaf1EDX) & features[.leaf1_edx])
        }
        self.features = rest
        self.untold = untold
        hidden = []
        subleafLimits = [:]
        self.level = level
        self.extendedLevel = extendedLevel
        self.physicalAddressBits = physicalAddressBits
        self.linearAddressBits = linearAddressBits
    }

    /// What a guest that comes from elsewhere may have: the features, and the statements that only warn a guest, which it
    /// may need on another host. The difference is that of Xen's "max" and "default" policies: new guests are offered
    /// ``features``.
    public var receivable: FeatureSet { features.union(.assertions) }

    /// The leaves of which EAX of subleaf 0 tells how far they go: the highest subleaf of 7 and 0x14, the highest palette
    /// of 0x1D, the highest subleaf of 0x1E.
    public static let countedLeaves: [UInt32] = [0x7, 0x14, 0x1D, 0x1E]

    /// Bits that follow the running system's CR4.
    static let runtimeBits: FeatureSet = [.osxsave, .ospke]
    private static let notFeatures = runtimeBits.union(NumberField.allBits)
}
