// SPDX-License-Identifier: Apache-2.0

import X86CPU

extension FeatureSet {
    /// The words as a list, for loops over many sets: a set is large to hand about, and each operation on sets makes one
    /// more.
    var words: [UInt64] { allWords }
}

extension FeatureWord {
    /// All words in order; `allCases` makes a new list each time.
    static let every = Array(allCases)
}
