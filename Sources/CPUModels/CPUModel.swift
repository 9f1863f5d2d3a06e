// SPDX-License-Identifier: Apache-2.0

public import UnitSyntax
public import X86CPU

/// A named CPU, in one or more versions that never change once they are out.
public struct CPUModel: Sendable, Hashable {
    /// The name without a version, for example `EPYC-Milan`.
    public let name: String
    /// The versions, by number from 1 without gaps.
    public let versions: [CPUModelVersion]
    /// A remark for people, or nil.
    public let note: String?
    /// The version of another model that version 1 changes; nil for a model that stands by itself.
    public let base: CPUModelVersion?
    /// The cache tables that the model's own file defines.
    public let ownCaches: [CacheHierarchy]
    /// Who answers for the model.
    public let origin: ModelFile.Origin
    /// Where the model is defined.
    public let location: SourceLocation
    /// A hash of all that the model is, in hexadecimal: two definitions that mean the same have the same digest, however
    /// they are written, and any other change shows.
    public let digest: String

    /// A model from its parts. Nothing is checked here: what counts is that the text made of it is read without error.
    public init(
        name: String, versions: [CPUModelVersion], note: String? = nil, base: CPUModelVersion? = nil,
        ownCaches: [CacheHierarchy] = [], origin: ModelFile.Origin, location: SourceLocation
    ) {
        self.name = name
        self.versions = versions
        self.note = note
        self.base = base
        self.ownCaches = ownCaches
        self.origin = origin
        self.location = location
        digest = Self.digest(name: name, versions: versions, note: note)
    }

    /// The vendor that guests see, by the last version; see ``CPUModelVersion/vendor``.
    public var vendor: CPUVendor { versions.last?.vendor ?? .intel }

    /// Why no version of the model should be used any more; nil while there is one that should.
    public var deprecation: String? {
        versions.allSatisfy { $0.deprecation != nil } ? versions.last?.deprecation : nil
    }
}

/// One version of a model: all that is the same on every host, for every VM.
public struct CPUModelVersion: Sendable, Hashable {
    /// The name of the model, for example `EPYC-Milan`.
    public internal(set) var modelName: String
    /// The version's number, from 1.
    public internal(set) var number: Int
    /// A second name, for example `EPYC-IBPB`; nil for most.
    public internal(set) var alias: String?
    /// A remark for people, for example `no TSX`; nil for none.
    public internal(set) var note: String?
    /// Why the version should not be used any more, as a sentence; nil for most.
    public internal(set) var deprecation: String?
    /// The version to use in place of a deprecated one; nil where there is no good answer.
    public internal(set) var replacement: String?
    /// The vendor that guests see; where ``takesHostVendor`` says so, only as long as no host is known.
    public internal(set) var vendor: CPUVendor
    /// Whether guests see the vendor of the host that they start on, as they must with a model that is of no vendor.
    public internal(set) var takesHostVendor: Bool
    /// Family, model and stepping.
    public internal(set) var signature: CPUSignature
    /// The brand string of leaves 0x80000002...4: ASCII, at most 48 bytes.
    public internal(set) var description: String
    /// The least value of the highest basic leaf (leaf 0, EAX); features raise it where they need to.
    public internal(set) var level: UInt32
    /// The least value of the highest extended leaf (leaf 0x80000000, EAX); 0 for CPUs from before there were any.
    public internal(set) var extendedLevel: UInt32
    /// The features, before the host and the VM have a say.
    public internal(set) var features: FeatureSet
    /// The version of AVX10 that leaf 0x24 tells, EBX[7:0]; 0 without AVX10.
    ///
    /// Intel AVX10 architecture specification, table 1-1.
    public internal(set) var avx10Version: UInt8
    /// The caches; nil for the table that every model of the vendor had before models had their own.
    public internal(set) var caches: CacheHierarchy?
    /// Whether leaf 0x1F is there even when the topology has neither dies nor modules.
    public internal(set) var forcesLeaf1F: Bool

    /// The full name, for example `EPYC-Milan-v2`.
    public var name: String { "\(modelName)-v\(number)" }
}

extension CPUModelVersion {
    /// The first version of a model of one's own, made from another with other features.
    ///
    /// What is said of the other alone (alias, note, deprecation) does not come along.
    public init(_ modelName: String, from other: CPUModelVersion, features: FeatureSet) {
        self = other
        self.modelName = modelName
        number = 1
        (alias, note, deprecation, replacement) = (nil, nil, nil, nil)
        self.features = features
        if !features.contains(.avx10) { avx10Version = 0 }
    }

    /// A version of which nothing is known yet but its name.
    init(blank modelName: String) {
        self.modelName = modelName
        number = 1
        vendor = .intel
        takesHostVendor = false
        signature = CPUSignature(eax: 0)
        description = ""
        level = 0
        extendedLevel = 0x8000_0000
        features = []
        avx10Version = 0
        forcesLeaf1F = false
    }
}
