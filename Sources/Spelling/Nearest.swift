// SPDX-License-Identifier: Apache-2.0

/// The candidate that a misspelt word most likely means, or `nil` when none is close.
///
/// Counts the letters to insert, remove, replace, or swap with their neighbour (the restricted Damerau-Levenshtein
/// distance), not minding upper and lower case; one in three letters may be wrong, but no more than four. Among equally
/// close candidates the first wins.
public func nearest(_ word: String, in candidates: some Sequence<String>) -> String? {
    let target = lowercased(word)
    // Nothing that long is a misspelt name, and the time is quadratic in it.
    guard !target.isEmpty, target.count <= 128 else { return nil }

    var best: String?
    var bound = min(4, max(1, target.count / 3)) + 1
    var rows = EditDistance(width: target.count)
    for candidate in candidates {
        let letters = lowercased(candidate)
        guard abs(letters.count - target.count) < bound else { continue }
        let distance = rows.distance(from: letters, to: target, below: bound)
        if distance < bound {
            best = candidate
            bound = distance
            if distance == 0 { break }
        }
    }
    return best
}

private func lowercased(_ word: String) -> [UInt8] {
    word.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
}

/// The three rows of the table that the distance needs at a time, kept from one candidate to the next.
private struct EditDistance {
    private var beforePrevious: [Int]
    private var previous: [Int]
    private var current: [Int]

    init(width: Int) {
        beforePrevious = Array(repeating: 0, count: width + 1)
        previous = beforePrevious
        current = beforePrevious
    }

    /// The distance, or some number not below `bound` when it is not below it.
    mutating func distance(from source: [UInt8], to target: [UInt8], below bound: Int) -> Int {
        for column in 0...target.count {
            current[column] = column
        }
        for row in 1..<source.count + 1 {
            (beforePrevious, previous, current) = (previous, current, beforePrevious)
            current[0] = row
            var least = row
            for column in 1..<target.count + 1 {
                let replacement = source[row - 1] == target[column - 1] ? 0 : 1
                var cost = min(
                    previous[column - 1] + replacement, previous[column] + 1, current[column - 1] + 1)
                if row > 1, column > 1, source[row - 1] == target[column - 2], source[row - 2] == target[column - 1] {
                    cost = min(cost, beforePrevious[column - 2] + 1)
                }
                current[column] = cost
                least = min(least, cost)
            }
            // A swap reaches back two rows, but what it adds to is never cheaper than the least of this row less one.
            if least > bound { return least }
        }
        return current[target.count]
    }
}
