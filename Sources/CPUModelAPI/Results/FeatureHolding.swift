// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

/// How many vCPUs of a VM may use a feature right now, and how that is known.
///
/// Most features stay as they were when the vCPU got its table, and the record tells them. Those that come and go with
/// the guest's state (OSXSAVE, OSPKE, APIC, MWAIT, and HLE and RTM where IA32_TSX_CTRL can hide them) are told by the
/// running vCPU, or it is said that they cannot be told.
public struct FeatureHolding: Sendable, Hashable {
    /// The feature.
    public var feature: Feature
    /// Whether it comes and goes with the guest's state.
    public var isRuntime: Bool
    /// How many vCPUs may use it.
    public var vcpus: Int
    /// How many vCPUs there are of which that cannot be told right now.
    public var unknown: Int
    /// The least of the sources: of no vCPU it is known from a worse one.
    public var source: LiveSource
    /// How old it is at most, in milliseconds; nil where that cannot be told.
    public var ageMs: Int64?

    /// A holding from its parts.
    public init(
        _ feature: Feature, isRuntime: Bool, vcpus: Int, unknown: Int = 0, source: LiveSource, ageMs: Int64?
    ) {
        self.feature = feature
        self.isRuntime = isRuntime
        self.vcpus = vcpus
        self.unknown = unknown
        self.source = source
        self.ageMs = ageMs
    }

    /// Whether some vCPU may use it, for all that is known.
    public var isPossible: Bool { vcpus + unknown > 0 }
}

extension FeatureHolding: JSONWritable {
    /// Writes the feature, the numbers, and how they are known.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("feature", FeatureRegistry.shared.name(of: feature))
            writer.member("runtime", isRuntime)
            writer.member("vcpus", vcpus)
            writer.member("unknown", unknown)
            writer.member("source", source.rawValue)
            writer.member("ageMs", ageMs)
        }
    }

    static let schema = Schema.object(
        [
            .required("feature", .string("the feature's name")),
            .required("runtime", .boolean("whether it comes and goes with the guest's state")),
            .required("vcpus", .integer(0...4096, "how many vCPUs may use it right now")),
            .required("unknown", .integer(0...4096, "of how many vCPUs that cannot be told")),
            .required("source", LiveSource.schema),
            .required(
                "ageMs", .nullable(.integer(0...(.max), "how old it is at most; null where that cannot be told"))),
        ], "how many vCPUs may use a feature, and how that is known")
}
