// SPDX-License-Identifier: Apache-2.0

/// A field of a table.
struct Cell: ExpressibleByStringInterpolation {
    let text: String
    var tint: Tint?

    init(_ text: String, _ tint: Tint? = nil) {
        self.text = text
        self.tint = tint
    }

    init(stringLiteral text: String) { self.init(text) }
}

extension Page {
    /// Writes a table with a line of headings. Columns are as wide as their widest field; the last one has what is left,
    /// and is wrapped.
    mutating func table(_ headings: [String], _ rows: [[Cell]]) {
        let widths = headings.indices.dropLast().map { column in
            max(headings[column].count, rows.map { $0[column].text.count }.max() ?? 0)
        }
        write(headings.map { Cell($0, .bold) }, widths)
        for row in rows { write(row, widths) }
    }

    private mutating func write(_ row: [Cell], _ widths: [Int]) {
        var start = ""
        for (cell, width) in zip(row, widths) {
            // Padded first: the sequences of a colour have no width.
            start += style.tinted(padded(cell.text, to: width), cell.tint) + "  "
        }
        guard let last = row.last else { return }
        let column = widths.reduce(0) { $0 + $1 + 2 }
        // In very little room a column of single words would be no help.
        let room = max(style.width - column, 24)
        for part in wrapped(wordsOf(last.text), width: room) {
            line(trimmedAtEnd(start + style.tinted(part, last.tint)))
            start = String(repeating: " ", count: column)
        }
    }

    private func trimmedAtEnd(_ text: String) -> String {
        String(text.reversed().drop { $0 == " " }.reversed())
    }
}
