// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

/// What became of the vCPUs of a VM: a verdict for each, and the differences, which vCPUs mostly share.
public struct VCPUReport: Sendable {
    /// One vCPU.
    public struct VCPU: Sendable, Hashable {
        /// Its place in topology order.
        public let index: Int
        /// The id given to KVM_CREATE_VCPU.
        public let vcpuID: UInt32
        /// Its x2APIC id.
        public let apicID: UInt32
        /// What KVM did with its table.
        public let verdict: Verdict
        /// The stamp of what was read back.
        public let stamp: Stamp
        /// Which list of ``differenceSets`` is its own; nil where there are no differences.
        public let differenceSet: Int?

        /// A vCPU from its parts.
        public init(
            index: Int, vcpuID: UInt32, apicID: UInt32, verdict: Verdict, stamp: Stamp, differenceSet: Int?
        ) {
            self.index = index
            self.vcpuID = vcpuID
            self.apicID = apicID
            self.verdict = verdict
            self.stamp = stamp
            self.differenceSet = differenceSet
        }
    }

    /// The vCPUs in order.
    public private(set) var vcpus: [VCPU] = []
    /// The distinct lists of differences.
    public private(set) var differenceSets: [[TableDifference]] = []

    private var lastInput: StampInput?

    /// A report of no vCPU yet.
    public init() {}

    /// A report from its parts: each vCPU's ``VCPU/differenceSet`` must be one of the sets.
    public init(vcpus: [VCPU], differenceSets: [[TableDifference]]) {
        self.vcpus = vcpus
        self.differenceSets = differenceSets
    }

    /// Adds a vCPU: what it has, and how that differs from what it should have.
    public mutating func add(
        vcpuID: UInt32, apicID: UInt32, differences: [TableDifference], readBack: StampInput
    ) {
        let isLikeLast = readBack == lastInput
        let stamp = (isLikeLast ? vcpus.last?.stamp : nil) ?? readBack.stamp
        lastInput = readBack
        let set = differences.isEmpty ? nil : index(ofSet: differences)
        vcpus.append(
            VCPU(
                index: vcpus.count, vcpuID: vcpuID, apicID: apicID, verdict: Verdict(differences), stamp: stamp,
                differenceSet: set))
    }

    /// This report with the vCPUs of another, which take the places of those of the same ids.
    public func joined(by other: VCPUReport) -> VCPUReport {
        var joined = self
        joined.lastInput = nil
        for vcpu in other.vcpus {
            let place = joined.vcpus.firstIndex { $0.vcpuID == vcpu.vcpuID } ?? joined.vcpus.count
            let set = vcpu.differenceSet.map { joined.index(ofSet: other.differenceSets[$0]) }
            let moved = VCPU(
                index: place, vcpuID: vcpu.vcpuID, apicID: vcpu.apicID, verdict: vcpu.verdict, stamp: vcpu.stamp,
                differenceSet: set)
            if place == joined.vcpus.count { joined.vcpus.append(moved) } else { joined.vcpus[place] = moved }
        }
        return joined
    }

    /// This report with its vCPUs numbered as those of the same ids in another.
    public func numbered(as other: VCPUReport) -> VCPUReport {
        var numbered = self
        numbered.vcpus = vcpus.map { vcpu in
            let index = other.vcpus.firstIndex { $0.vcpuID == vcpu.vcpuID } ?? vcpu.index
            return VCPU(
                index: index, vcpuID: vcpu.vcpuID, apicID: vcpu.apicID, verdict: vcpu.verdict, stamp: vcpu.stamp,
                differenceSet: vcpu.differenceSet)
        }
        return numbered
    }

    private mutating func index(ofSet differences: [TableDifference]) -> Int {
        if let index = differenceSets.lastIndex(of: differences) { return index }
        differenceSets.append(differences)
        return differenceSets.count - 1
    }

    /// How a vCPU differs from what it should be; empty where it does not, or is not there.
    public func differences(ofVCPU index: Int) -> [TableDifference] {
        guard vcpus.indices.contains(index), let set = vcpus[index].differenceSet else { return [] }
        return differenceSets[set]
    }

    /// The worst verdict.
    public var verdict: Verdict { vcpus.map(\.verdict).max() ?? .exact }

    /// The stamp of the VM: the one that all vCPUs share, or that of the first where they differ.
    public var stamp: Stamp? { vcpus.first?.stamp }

    /// Whether all vCPUs have the same stamp, as they should.
    public var isConsistent: Bool { vcpus.allSatisfy { $0.stamp == stamp } }

    /// Writes the members `vcpus` and `differenceSets`.
    public func writeMembers(to writer: inout JSONWriter) {
        writer.array("vcpus") { writer in
            for vcpu in vcpus {
                writer.object { writer in
                    writer.member("index", vcpu.index)
                    writer.member("vcpuId", vcpu.vcpuID)
                    writer.member("apicId", vcpu.apicID)
                    writer.member("verdict", vcpu.verdict.rawValue)
                    writer.member("stamp", vcpu.stamp.description)
                    writer.member("differenceSet", vcpu.differenceSet)
                }
            }
        }
        writer.member("differenceSets", differenceSets)
    }

    static let members: [Schema.Member] = [
        .required(
            "vcpus",
            .array(
                .object(
                    [
                        .required("index", .integer(0...4095, "place in topology order")),
                        .required("vcpuId", .integer(0...(.max), "id given to KVM_CREATE_VCPU")),
                        .required("apicId", .integer(0...(.max), "x2APIC id")),
                        .required("verdict", verdictSchema),
                        .required("stamp", .string("stamp of what was read back")),
                        .required("differenceSet", .nullable(.integer(0...(.max), "index into differenceSets"))),
                    ], ""), "the vCPUs in topology order")),
        .required("differenceSets", .array(.array(TableDifference.schema, ""), "distinct lists of differences")),
    ]

    static let verdictSchema = Schema.choice(Verdict.allCases.map(\.rawValue), "what KVM did with the table")
}
