// SPDX-License-Identifier: Apache-2.0

import JSON

/// How many vCPUs of a VM may use the features that were asked about.
struct FeatureHoldings {
    private struct Holding {
        let feature, source: String
        let isRuntime: Bool
        let vcpus, unknown: Int64
        let ageMs: Int64?

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            feature = try reader.string("feature")
            source = try reader.string("source")
            isRuntime = try reader.bool("runtime")
            vcpus = try reader.integer("vcpus")
            unknown = try reader.integer("unknown")
            ageMs = try reader.optionalInteger("ageMs")
        }
    }

    private let holdings: [Holding]

    /// Reads them; none where the member is left out.
    init(_ key: String, _ reader: inout ObjectReader) throws(JSONShapeError) {
        guard reader.has(key) else {
            holdings = []
            return
        }
        holdings = try reader.objects(key) { (holding) throws(JSONShapeError) in try Holding(reading: &holding) }
    }

    var isEmpty: Bool { holdings.isEmpty }

    static let headings = ["FEATURE", "VCPUS", "KIND", "SOURCE", "AGE"]

    /// A row of a table for each.
    ///
    /// - Parameter vcpus: how many there are.
    func rows(ofVCPUs vcpus: Int64) -> [[Cell]] {
        holdings.map { holding in
            var count = "\(holding.vcpus) of \(vcpus)"
            if holding.unknown > 0 { count += ", \(holding.unknown) unknown" }
            return [
                Cell(holding.feature), Cell(count, tint(holding, of: vcpus)),
                // Which is which: one that comes and goes may be gone by the time this is read.
                Cell(holding.isRuntime ? "runtime" : "static"), Cell(holding.source),
                Cell(age(milliseconds: holding.ageMs)),
            ]
        }
    }

    private func tint(_ holding: Holding, of vcpus: Int64) -> Tint {
        if holding.vcpus == vcpus { return .green }
        return holding.vcpus + holding.unknown == 0 ? .red : .yellow
    }
}
