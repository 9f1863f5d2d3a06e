// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import JSON
import X86CPU

extension Feature {
    /// The features of these names.
    static func named(_ names: [String]) throws(APIError) -> [Feature] {
        var features: [Feature] = []
        for name in names {
            guard let feature = FeatureRegistry.shared.feature(named: name) else {
                throw APIError(unknownFeature: name)
            }
            if !features.contains(feature) { features.append(feature) }
        }
        return features
    }
}

extension APIError {
    /// A feature that nobody knows.
    init(unknownFeature name: String) {
        let suggestion = FeatureRegistry.shared.nearestName(to: name)
        let hint = suggestion.map { " Did you mean \"\($0)\"?" } ?? ""
        self.init(
            .unknownFeature, "There is no feature \"\(name)\".\(hint)",
            data: suggestion.map { ["feature": .string(name), "suggestion": .string($0)] }
                ?? ["feature": .string(name)])
    }
}
