// SPDX-License-Identifier: Apache-2.0

import JSON

/// Features that a guest does not get, by the reason.
struct UnavailableFeatures {
    /// How many there are.
    let count: Int
    private let byReason: [(reason: String, features: [String])]

    /// Reads a list of {`feature`, `reason`, ...}.
    init(_ key: String, _ reader: inout ObjectReader) throws(JSONShapeError) {
        var byReason: [(reason: String, features: [String])] = []
        let all = try reader.objects(key) { (feature) throws(JSONShapeError) in
            (try feature.string("feature"), try feature.string("reason"))
        }
        for (feature, reason) in all {
            if let position = byReason.firstIndex(where: { $0.reason == reason }) {
                byReason[position].features.append(feature)
            } else {
                byReason.append((reason, [feature]))
            }
        }
        self.byReason = byReason
        count = all.count
    }

    /// Writes each reason with the features it holds for.
    func write(to page: inout Page) {
        for (reason, features) in byReason {
            page.sentence("\(reason):", indent: 2)
            page.words(features, indent: 4)
        }
    }
}
