// SPDX-License-Identifier: Apache-2.0

/// Indices in a few words: `0-3,7`.
struct IndexRanges: CustomStringConvertible {
    let description: String

    /// The indices must be ascending.
    init(_ indices: [Int]) {
        var ranges: [(first: Int, last: Int)] = []
        for index in indices {
            if let last = ranges.last, last.last + 1 == index {
                ranges[ranges.count - 1].last = index
            } else {
                ranges.append((index, index))
            }
        }
        description = ranges.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }.joined(
            separator: ",")
    }
}
