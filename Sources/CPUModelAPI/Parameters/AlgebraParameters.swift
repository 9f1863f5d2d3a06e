// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameters of `model.detect`.
public struct DetectParameters: JSONReadable, Sendable {
    /// What a name is wanted for.
    public enum Purpose: String, Sendable, CaseIterable {
        case guest, host
    }

    /// Whose names will do.
    public enum Vocabulary: String, Sendable, CaseIterable {
        case all, libvirt
    }

    /// The CPU to name.
    public let cpu: CPUReference
    /// Whose names will do.
    public let vocabulary: Vocabulary
    /// What the name is for.
    public let purpose: Purpose
    /// The names that will do; nil for all.
    public let allowed: [String]?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        cpu = try reader.read("cpu")
        purpose = try reader.enumeration("purpose", default: Purpose.guest)
        vocabulary = try reader.enumeration("vocabulary", default: Vocabulary.all)
        allowed = try reader.optionalStrings("allowed")
    }

    static let members: [Schema.Member] = [
        .required("cpu", CPUReference.schema),
        .optional("purpose", .choice(Purpose.allCases.map(\.rawValue), "\"guest\" when left out")),
        .optional(
            "vocabulary",
            .choice(Vocabulary.allCases.map(\.rawValue), "whose names will do: all of the catalog, or libvirt's")),
        .optional("allowed", .array(.string(""), "the names that will do; all when left out")),
    ]
}

/// The parameters of `model.compare`.
public struct CompareParameters: JSONReadable, Sendable {
    /// The two CPUs.
    public let first: CPUReference, second: CPUReference

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        first = try reader.read("first")
        second = try reader.read("second")
    }

    static let members: [Schema.Member] = [
        .required("first", CPUReference.schema), .required("second", CPUReference.schema),
    ]
}

/// The parameters of `model.baseline`.
public struct BaselineParameters: JSONReadable, Sendable {
    /// The CPUs that guests are to run on.
    public let cpus: [CPUReference]
    /// Whether CPUs of several vendors give a baseline without vendor, rather than an error.
    public let mixesVendors: Bool
    /// Whether features that keep a guest where it is are left out.
    public let onlyMigratable: Bool

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        cpus = try reader.readArray("cpus")
        mixesVendors = try reader.bool("mixVendors", default: false)
        onlyMigratable = try reader.bool("migratable", default: true)
    }

    static let members: [Schema.Member] = [
        .required("cpus", .array(CPUReference.schema, "at least one")),
        .optional("mixVendors", .boolean("several vendors give a baseline without one; false when left out")),
        .optional("migratable", .boolean("leave out what keeps a guest where it is; true when left out")),
    ]
}

/// The parameters of `vm.checkMigration`.
public struct CheckMigrationParameters: JSONReadable, Sendable {
    /// The guest; nil for each of the registered VMs.
    public let guest: CPUReference?
    /// Where it runs now; nil for anywhere, and for registered VMs the daemon's own host.
    public let source: CPUReference?
    /// Where it is to run.
    public let hosts: [CPUReference]

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        guest = try reader.optionalRead("guest")
        let isForAll = try reader.bool("all", default: false)
        source = try reader.optionalRead("source")
        hosts = try reader.readArray("hosts")
        guard isForAll == (guest == nil) else {
            throw JSONShapeError(
                path: reader.path, message: "must have either \"guest\" or, for every registered VM, \"all\": true")
        }
    }

    static let members: [Schema.Member] = [
        .optional("guest", CPUReference.schema),
        .optional("all", .boolean("check every registered VM, in place of one guest")),
        .optional("source", CPUReference.schema),
        .required("hosts", .array(CPUReference.schema, "where it is to run")),
    ]
}

/// The parameters of `model.export`.
public struct ExportParameters: JSONReadable, Sendable {
    /// Whose words to use.
    public enum Format: String, Sendable, CaseIterable {
        case qemu, libvirt, firecracker, cpuinfo, march
    }

    /// A model expression.
    public let model: String
    /// Whose words to use.
    public let format: Format

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        format = try reader.enumeration("format")
    }

    static let members: [Schema.Member] = [
        .required("model", .string("a model expression")),
        .required("format", .choice(Format.allCases.map(\.rawValue), "whose words to use")),
    ]
}

/// The parameters of `model.import`.
public struct ImportParameters: JSONReadable, Sendable {
    /// A QEMU `-cpu` argument, a libvirt `<cpu>` element, a Firecracker template, or the flags of /proc/cpuinfo.
    public let text: String
    /// How messages call the text.
    public let name: String

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        text = try reader.string("text")
        name = try reader.optionalString("name") ?? "the text"
    }

    static let members: [Schema.Member] = [
        .required("text", .string("QEMU -cpu argument, libvirt <cpu>, Firecracker template or /proc/cpuinfo")),
        .optional("name", .string("what messages call it")),
    ]
}
