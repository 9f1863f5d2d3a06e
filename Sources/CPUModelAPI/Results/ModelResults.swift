// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import GuestCPU
public import JSON
import UnitSyntax
public import X86CPU

/// One line of `model.list`.
public struct ModelSummary: JSONWritable, Sendable {
    /// The version.
    public let version: CPUModelVersion
    /// The features of it that this host cannot give; nil where the host is not known.
    public let unavailable: [Feature]?

    /// A summary.
    public init(_ version: CPUModelVersion, unavailable: [Feature]?) {
        self.version = version
        self.unavailable = unavailable
    }

    /// Writes the summary.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            version.writeIdentity(to: &writer)
            writer.member("usable", unavailable.map(\.isEmpty))
            writer.member("unavailable", unavailable.map { $0.map(FeatureRegistry.shared.name(of:)) })
        }
    }

    static let schema = Schema.object(
        CPUModelVersion.identityMembers + [
            .required("usable", .nullable(.boolean("whether this host can give all of it; null where unknown"))),
            .required("unavailable", .nullable(.array(.string(""), "the features that this host cannot give"))),
        ], "")
}

/// The result of `model.show`: a model as it is defined.
public struct ModelDefinition: JSONWritable, Sendable {
    private let version: CPUModelVersion
    private let model: CPUModel

    /// A definition of this version of the model.
    public init(_ version: CPUModelVersion, of model: CPUModel) {
        self.version = version
        self.model = model
    }

    /// Writes the definition.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            version.writeIdentity(to: &writer)
            writer.member("level", hex32: version.level)
            writer.member("extendedLevel", hex32: version.extendedLevel)
            writer.member("features", version.features.map(FeatureRegistry.shared.name(of:)))
            writer.member("caches", version.caches?.name)
            writer.member("versions", model.versions.map(\.name))
            writer.member("deprecation", version.deprecation)
            writer.member("replacement", version.replacement)
            writer.member("extends", model.base?.name)
            writer.member("avx10Version", version.avx10Version)
            writer.member("vendorOfHost", version.takesHostVendor)
            writer.member("origin", model.origin.rawValue)
            writer.member("digest", model.digest)
            writer.member("source", model.location.description)
        }
    }

    static let schema = Schema.object(
        CPUModelVersion.identityMembers + [
            .required("level", .hex("least highest basic leaf")),
            .required("extendedLevel", .hex("least highest extended leaf")),
            .required("features", .array(.string(""), "features by name, in order of position")),
            .required("caches", .nullable(.string("name of the cache table; null for the vendor's old one"))),
            .required("versions", .array(.string(""), "all versions of the model")),
            .required("deprecation", .nullable(.string("why not to use it any more"))),
            .required("replacement", .nullable(.string("what to use instead"))),
            .required("extends", .nullable(.string("the version that the model is a change of"))),
            .required("avx10Version", .integer(0...255, "0 without AVX10")),
            .required("vendorOfHost", .boolean("whether guests see the vendor of the host, and not the one here")),
            .required("origin", .choice(ModelFile.Origin.allCases.map(\.rawValue), "who answers for the definition")),
            .required("digest", .string("hash of the definition: tells changes apart")),
            .required("source", .string("where it is defined")),
        ], "")
}

/// The result of `model.expand`.
public struct Expansion: JSONWritable, Sendable {
    private let model: ExpandedModel
    private let featureMSRs: [UInt32: UInt64]
    private let withheld: [UnavailableFeature]
    private let notes: [GuestCPUNote]
    private let requirements: [LauncherRequirement]

    /// The expansion that a guest's CPU was made of.
    public init(_ guest: GuestCPU) {
        model = guest.model
        featureMSRs = guest.featureMSRs
        withheld = guest.withheld
        notes = guest.notes
        requirements = guest.requirements
    }

    /// Writes the expansion.
    public func write(to writer: inout JSONWriter) {
        let registry = FeatureRegistry.shared
        writer.object { writer in
            writer.member("model", model.name)
            writer.member("expression", model.expression)
            writer.member("vendor", model.vendor.description)
            writer.member("signature", model.signature)
            writer.member("description", model.description)
            writer.member(
                "features", model.features.subtracting(FeatureSet(withheld.map(\.feature))).map(registry.name(of:)))
            writer.member("featureMSRs", MSRValues(featureMSRs))
            writer.member("unavailable", model.unavailable)
            writer.member("withheld", withheld)
            writer.member("notes", notes.map(\.description))
            writer.member("requirements", requirements)
        }
    }

    static let schema = Schema.object(
        [
            .required("model", .string("the model's full name, with its version")),
            .required("expression", .string("the expression as given")),
            .required("vendor", .string("")),
            .required("signature", .signature),
            .required("description", .string("brand string")),
            .required("features", .array(.string(""), "what the guest gets, by name, in order of position")),
            .required("featureMSRs", .msrs("feature MSRs to be written")),
            .required("unavailable", .array(UnavailableFeature.schema, "what this host cannot give, and why")),
            .required(
                "withheld", .array(UnavailableFeature.schema, "what this host has, but guests do not get, and why")),
            ApplyResult.notesMember,
            .required("requirements", .array(LauncherRequirement.schema, LauncherRequirement.meaning)),
        ], "")
}

extension CPUModelVersion {
    func writeIdentity(to writer: inout JSONWriter) {
        writer.member("name", name)
        writer.member("model", modelName)
        writer.member("version", number)
        writer.member("alias", alias)
        writer.member("note", note)
        writer.member("vendor", vendor.description)
        writer.member("signature", signature)
        writer.member("description", description)
    }

    static let identityMembers: [Schema.Member] = [
        .required("name", .string("full name")),
        .required("model", .string("name without the version")),
        .required("version", .integer(1...(.max), "")),
        .required("alias", .nullable(.string("second name"))),
        .required("note", .nullable(.string("a remark"))),
        .required("vendor", .string("")),
        .required("signature", .signature),
        .required("description", .string("brand string")),
    ]
}
