// SPDX-License-Identifier: Apache-2.0

import UnitSyntax
import X86CPU

/// A model as its file says it: changes upon changes, and names of caches and models that may be in other files.
struct ModelDraft: Sendable {
    /// The name; the one thing that is known even when the rest of the section is wrong.
    let name: String
    let location: SourceLocation
    let origin: ModelFile.Origin
    var extends: UnitAssignment?
    var note: String?
    /// What the section `[Model]` says, which makes version 1, and each section `[Version]`.
    var versions: [VersionDraft] = []
}

/// What one section changes in the version before; nil where it says nothing.
struct VersionDraft: Sendable {
    enum Vendor: Sendable {
        case named(CPUVendor)
        case host
    }

    let location: SourceLocation
    var alias: String?
    var note: String?
    /// Empty to end what an earlier version said.
    var deprecation: UnitAssignment?
    var replacement: UnitAssignment?
    var vendor: Vendor?
    var family: UInt32?
    var model: UInt32?
    var stepping: UInt32?
    var description: String?
    var level: UInt32?
    var extendedLevel: UInt32?
    /// Empty to go back to the vendor's old table.
    var caches: UnitAssignment?
    var forcesLeaf1F: Bool?
    var avx10Version: (number: UInt8, line: UnitAssignment)?
    var added = FeatureSet()
    var removed = FeatureSet()
    /// The last lines that say which features come and go, for messages.
    var addition: UnitAssignment?
    var removal: UnitAssignment?
}
