// SPDX-License-Identifier: Apache-2.0

public import UnitSyntax
public import X86CPU

/// A named CPU, in one or more versions that never change once they are out.
public struct CPUModel: Sendable, Hashable {
    /// The name without a version, for example `EPYC-Milan`.
    public let name: String
    /// The vendor that guests see.
    public let vendor: CPUVendor
    /// The versions, by number from 1 without gaps.
    public let versions: [CPUModelVersion]
    /// A remark for people, or nil.
    public let note: String?
    /// Why the model should not be used any more, and what to use instead; nil for a current model.
    public let deprecation: String?
    /// Where the model is defined.
    public let location: SourceLocation
}

/// One version of a model: all that is the same on every host, for every VM.
public struct CPUModelVersion: Sendable, Hashable {
    /// The name of the model, for example `EPYC-Milan`.
    public let modelName: String
    /// The version's number, from 1.
    public let number: Int
    /// A second name, for example `EPYC-IBPB`; nil for most.
    public let alias: String?
    /// A remark for people, for example `no TSX`; nil for none.
    public let note: String?
    /// The vendor that guests see.
    public let vendor: CPUVendor
    /// Family, model and stepping.
    public let signature: CPUSignature
    /// The brand string of leaves 0x80000002...4: ASCII, at most 48 bytes.
    public let description: String
    /// The least value of the highest basic leaf (leaf 0, EAX); features raise it where they need to.
    public let level: UInt32
    /// The least value of the highest extended leaf (leaf 0x80000000, EAX).
    public let extendedLevel: UInt32
    /// The features, before the host and the VM have a say.
    public let features: FeatureSet
    /// The caches; nil for the table that every model of the vendor had before models had their own.
    public let caches: CacheHierarchy?
    /// Whether leaf 0x1F is there even when the topology has neither dies nor modules.
    public let forcesLeaf1F: Bool

    /// The full name, for example `EPYC-Milan-v2`.
    public var name: String { "\(modelName)-v\(number)" }
}
