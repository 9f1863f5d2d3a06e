// SPDX-License-Identifier: Apache-2.0

extension Page {
    /// What each of two things has of something.
    struct Pair {
        let label: String
        let first: [String]
        let second: [String]
    }

    /// Writes what two things have, side by side under their names; one below the other where there is little room.
    mutating func pairs(_ pairs: [Pair], of names: (first: String, second: String), indent: Int = 2) {
        guard !pairs.isEmpty else { return }
        let gap = 2
        let labelWidth = pairs.map(\.label.count).max() ?? 0
        let room = style.width - indent - labelWidth - 2 * gap
        // A word is not torn apart, and must not reach into the other's column.
        let longest = pairs.flatMap(\.first).map(\.count).max() ?? 0
        let width = max(room / 2, longest)
        guard min(room / 2, room - width) >= 20 else { return stacked(pairs, of: names, indent: indent) }

        func start(_ label: String) -> String {
            String(repeating: " ", count: indent) + padded(label, to: labelWidth + gap)
        }
        let (first, second) = (shortened(names.first, to: width), shortened(names.second, to: room - width))
        line(start("") + padded(first, to: width + gap) + second, .bold)
        for pair in pairs {
            let (left, right) = (wrapped(pair.first, width: width), wrapped(pair.second, width: room - width))
            for row in 0..<max(left.count, right.count) {
                let (leftPart, rightPart) = (row < left.count ? left[row] : "", row < right.count ? right[row] : "")
                let beginning = start(row == 0 ? pair.label : "")
                line(
                    rightPart.isEmpty ? beginning + leftPart : beginning + padded(leftPart, to: width + gap) + rightPart
                )
            }
        }
    }

    private mutating func stacked(_ pairs: [Pair], of names: (first: String, second: String), indent: Int) {
        for pair in pairs {
            line(String(repeating: " ", count: indent) + pair.label)
            let sides = [Row(names.first, words: pair.first), Row(names.second, words: pair.second)]
            rows(sides.filter { !$0.words.isEmpty }, indent: indent + 2)
        }
    }
}

/// The end of a text that is too long, which tells more of a path than its beginning.
private func shortened(_ text: String, to width: Int) -> String {
    text.count <= width ? text : "..." + text.suffix(max(0, width - 3))
}
