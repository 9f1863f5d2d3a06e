// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

extension UnitSection {
    /// Makes sure that keys which have one value are given once: a model has no drop-ins to override it.
    func refuseRepetition(of keys: some Sequence<String>) throws(UnitSyntaxError) {
        for key in keys {
            guard let first = assignments.first(where: { $0.key == key }) else { continue }
            if let again = last(key), again != first {
                throw again.error("is given in line \(first.location.line) already")
            }
        }
    }
}
