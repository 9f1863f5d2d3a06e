// SPDX-License-Identifier: Apache-2.0

internal import UnitSyntax
internal import X86CPU

/// A model as its file says it, with its caches still names: they may be in another file.
struct ModelDraft {
    struct Version {
        var number: Int
        var alias: String?
        var note: String?
        var signature: CPUSignature
        var description: String
        var level: UInt32
        var extendedLevel: UInt32
        var features: FeatureSet
        var caches: UnitAssignment?
        var forcesLeaf1F: Bool
        var location: SourceLocation
    }

    var name: String
    var vendor: CPUVendor
    var note: String?
    var deprecation: String?
    var location: SourceLocation
    var versions: [Version]
}
