// SPDX-License-Identifier: Apache-2.0

import X86CPU

extension FeatureSet {
    /// The words as a list, for loops over many sets: a set is large to hand about, and each operation on sets makes one
    /// more.
    var words: [UInt64] { allWords }

    /// The set of these words.
    init(words: [UInt64]) {
        self.init()
        for index in words.indices { self[FeatureWord.every[index]] = words[index] }
    }
}

extension FeatureWord {
    /// All words in order; `allCases` makes a new list each time.
    static let every = Array(allCases)
}
