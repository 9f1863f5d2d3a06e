// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// Whether the vCPUs of one VM have still what was read back when their tables were applied.
///
/// What KVM keeps up to date is held against what its rules make of the registers that the vCPU has now, so that a guest
/// that goes about its business never drifts.
public struct VMVerification: JSONWritable, Sendable {
    /// What can be said in one word, of a vCPU and of a VM.
    public enum Outcome: String, Sendable, Hashable, CaseIterable {
        /// What was recorded.
        case asRecorded
        /// Something else; of a VM: at least one vCPU has.
        case drifted
        /// Nobody can tell; of a VM: none has drifted, as far as they could be read, and that was not all.
        case unverifiable

        static let schema = Schema.choice(
            allCases.map(\.rawValue), "whether there is still what was recorded; whether anybody can tell")
    }

    /// One vCPU.
    public struct VCPU: Sendable, Hashable {
        /// Its place in topology order.
        public let index: Int
        /// The id given to KVM_CREATE_VCPU.
        public let vcpuID: UInt32
        /// What it has that was not recorded; nil when it could not be read.
        public let drift: [TableDifference]?
        /// Why it could not be read; nil when it could.
        public let reason: String?

        /// A vCPU that was read.
        public init(index: Int, vcpuID: UInt32, drift: [TableDifference]) {
            self.index = index
            self.vcpuID = vcpuID
            self.drift = drift
            reason = nil
        }

        /// A vCPU that could not be read, and why, as the rest of a sentence.
        public init(index: Int, vcpuID: UInt32, reason: String) {
            self.index = index
            self.vcpuID = vcpuID
            drift = nil
            self.reason = reason
        }

        /// What can be said in one word.
        public var outcome: Outcome {
            switch drift {
            case nil: .unverifiable
            case let drift?: drift.isEmpty ? .asRecorded : .drifted
            }
        }
    }

    /// The VM's name.
    public let name: String
    /// Its vCPUs, in topology order.
    public let vcpus: [VCPU]

    /// A verification from its parts.
    public init(vm name: String, vcpus: [VCPU]) {
        self.name = name
        self.vcpus = vcpus
    }

    /// What can be said in one word.
    public var outcome: Outcome {
        let outcomes = vcpus.map(\.outcome)
        if outcomes.contains(.drifted) { return .drifted }
        return outcomes.contains(.unverifiable) ? .unverifiable : .asRecorded
    }

    /// The distinct lists of what is not as recorded, and which of them is each vCPU's; nil for one that has none.
    public var driftSets: (sets: [[TableDifference]], ofVCPU: [Int?]) {
        var sets: [[TableDifference]] = []
        let places = vcpus.map { vcpu -> Int? in
            guard let drift = vcpu.drift, !drift.isEmpty else { return nil }
            if let place = sets.lastIndex(of: drift) { return place }
            sets.append(drift)
            return sets.count - 1
        }
        return (sets, places)
    }

    /// Writes the verification.
    public func write(to writer: inout JSONWriter) {
        let (sets, places) = driftSets
        writer.object { writer in
            writer.member("vm", name)
            writer.member("outcome", outcome.rawValue)
            if outcome == .unverifiable { writer.member("reason", vcpus.lazy.compactMap(\.reason).first ?? "") }
            writer.member("verified", vcpus.count { $0.drift != nil })
            writer.array("vcpus") { writer in
                for (vcpu, place) in zip(vcpus, places) {
                    writer.object { writer in
                        writer.member("index", vcpu.index)
                        writer.member("vcpuId", vcpu.vcpuID)
                        writer.member("outcome", vcpu.outcome.rawValue)
                        if let reason = vcpu.reason { writer.member("reason", reason) }
                        writer.member("differenceSet", place)
                    }
                }
            }
            writer.member("differenceSets", sets)
        }
    }

    static let schema = Schema.object(
        [
            .required("vm", .string("the VM's name")),
            .required("outcome", Outcome.schema),
            .optional("reason", .string("where it is unverifiable: why the first such vCPU could not be read")),
            .required("verified", .integer(0...4096, "number of vCPUs that were read")),
            .required(
                "vcpus",
                .array(
                    .object(
                        [
                            .required("index", .integer(0...4095, "place in topology order")),
                            .required("vcpuId", .integer(0...(.max), "id given to KVM_CREATE_VCPU")),
                            .required("outcome", Outcome.schema),
                            .optional("reason", .string("why it could not be read")),
                            .required("differenceSet", .nullable(.integer(0...(.max), "index into differenceSets"))),
                        ], ""), "in topology order")),
            .required(
                "differenceSets",
                .array(
                    .array(TableDifference.schema, ""),
                    "distinct lists of what is not as recorded: want is what was recorded, or predicted")),
        ], "")
}
