// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax
public import X86CPU

extension FeatureRegistry {
    /// The name of the feature that a misspelt name most likely means; nil when none is near.
    public func nearestName(to name: String) -> String? {
        let word = String(name.map { $0 == "_" ? "-" : $0 })
        // Sorted, so that the same mistake gets the same answer in every process.
        guard let spelling = nearest(word, in: spellings.sorted()) else { return nil }
        return feature(named: spelling).map { self.name(of: $0) }
    }
}
