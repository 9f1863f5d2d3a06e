// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.caps` for people: what the vCPUs may use right now, and how that is known.
public struct CapsReport: Report {
    /// vCPUs that differ in nothing but how old the values are.
    private struct Group {
        struct Key: Hashable {
            let source: String
            let featureSet: Int64
            let fields: [LiveFields.Field]
            let unavailable: [String]
        }

        let key: Key
        var values: LiveFields
        var vcpus: [Int64]
    }

    private let name: String
    private let isConsistent: Bool
    private var groups: [Group] = []
    private let featureSets: [[String]]
    private let holdings: FeatureHoldings
    private var vcpuCount: Int64 { Int64(groups.reduce(0) { $0 + $1.vcpus.count }) }

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        name = try reader.string("vm")
        isConsistent = try reader.bool("consistent")
        featureSets = try reader.array("featureSets").map { set in (set.arrayValue ?? []).compactMap(\.stringValue) }
        holdings = try FeatureHoldings("features", &reader)
        var groups: [Group] = []
        var positions: [Group.Key: Int] = [:]
        _ = try reader.objects("vcpus") { (vcpu) throws(JSONShapeError) in
            var values = LiveFields()
            try values.read("runtime", of: &vcpu)
            try values.read("registers", of: &vcpu)
            let unavailable = try vcpu.objects("unavailable") { (reason) throws(JSONShapeError) in
                "Not from \(Self.name(of: try reason.string("source"))): \(try reason.string("reason"))."
            }
            let key = Group.Key(
                source: try vcpu.string("source"), featureSet: try vcpu.integer("featureSet"), fields: values.fields,
                unavailable: unavailable)
            let index = try vcpu.integer("index")
            if let position = positions[key] {
                groups[position].vcpus.append(index)
                groups[position].values.merge(values)
            } else {
                positions[key] = groups.count
                groups.append(Group(key: key, values: values, vcpus: [index]))
            }
        }
        self.groups = groups
    }

    /// Writes it: of the features that were asked about, or else all.
    public func write(to page: inout Page) {
        if !isConsistent { page.sentence("The vCPUs of \(name) are not all the same CPU.") }
        guard holdings.isEmpty else {
            page.table(FeatureHoldings.headings, holdings.rows(ofVCPUs: vcpuCount))
            return
        }
        for group in groups { write(group, to: &page) }
        for (position, features) in featureSets.enumerated() {
            let vcpus = groups.filter { $0.key.featureSet == position }.flatMap(\.vcpus).sorted()
            page.title("\(noun(vcpus)) \(CPUList.format(vcpus)) may use \(counted(features.count, "feature"))")
            page.features(features)
        }
    }

    private func write(_ group: Group, to page: inout Page) {
        page.title("\(name), \(noun(group.vcpus)) \(CPUList.format(group.vcpus)): \(meaning(of: group.key.source))")
        group.values.write(to: &page)
        for reason in group.key.unavailable { page.sentence(reason, indent: 2) }
    }

    private static func name(of source: String) -> String {
        switch source {
        case "kernel": "the kernel"
        case "run-page": "the run page"
        default: "the \(source)"
        }
    }

    private func noun(_ vcpus: [Int64]) -> String { vcpus.count == 1 ? "vCPU" : "vCPUs" }

    private func meaning(of source: String) -> String {
        switch source {
        case "kernel": "as KVM says now"
        case "run-page": "as of the last return to the VMM"
        case "record": "as it was given its CPU, and KVM's rules"
        default: source
        }
    }
}
