// SPDX-License-Identifier: Apache-2.0

/// A text for people in the making: lines, and words in columns that are wrapped to the width.
public struct Page {
    /// How to write.
    public let style: OutputStyle
    /// What has been written.
    public private(set) var text = ""

    /// An empty page.
    public init(style: OutputStyle) { self.style = style }

    /// Words behind a label.
    struct Row {
        let label: String
        let words: [String]
        var tint: Tint?

        init(_ label: String, words: [String], tint: Tint? = nil) {
            self.label = label
            self.words = words
            self.tint = tint
        }

        /// A text that may be wrapped between its words.
        init(_ label: String, _ text: String, tint: Tint? = nil) {
            self.init(label, words: wordsOf(text), tint: tint)
        }
    }

    /// Writes a line as it is.
    mutating func line(_ line: String = "", _ tint: Tint? = nil) {
        text += style.tinted(line, tint) + "\n"
    }

    /// Writes a title, with an empty line before it unless it is the first.
    mutating func title(_ title: String) {
        if !text.isEmpty { line() }
        words(wordsOf(title), .bold)
    }

    /// Writes a sentence, wrapped.
    mutating func sentence(_ sentence: String, indent: Int = 0) {
        words(wordsOf(sentence), indent: indent)
    }

    /// Writes words, wrapped.
    mutating func words(_ words: [String], indent: Int = 0, _ tint: Tint? = nil) {
        let margin = String(repeating: " ", count: indent)
        for line in wrapped(words, width: style.width - indent) {
            text += margin + style.tinted(line, tint) + "\n"
        }
    }

    /// Writes labels, and the words of each in a column beside them; or below them where there is little room.
    mutating func rows(_ rows: [Row], indent: Int = 2) {
        let labelWidth = rows.map(\.label.count).max() ?? 0
        let column = indent + labelWidth + 2
        let margin = String(repeating: " ", count: indent)
        guard style.width - column >= 32 else {
            for row in rows {
                line(margin + row.label)
                words(row.words, indent: indent + 2, row.tint)
            }
            return
        }
        for row in rows {
            var start = margin + padded(row.label, to: labelWidth) + "  "
            for line in wrapped(row.words, width: style.width - column) {
                text += start + style.tinted(line, row.tint) + "\n"
                start = String(repeating: " ", count: column)
            }
        }
    }
}

/// The words of a text: what is between spaces.
func wordsOf(_ text: String) -> [String] {
    text.split(separator: " ").map(String.init)
}

/// Lines made of words, none longer than the width unless a word is.
func wrapped(_ words: [String], width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    var length = 0
    for word in words {
        let count = word.count
        if length > 0, length + 1 + count > width {
            lines.append(line)
            line = ""
            length = 0
        }
        if length > 0 {
            line += " "
            length += 1
        }
        line += word
        length += count
    }
    return lines + [line]
}

/// The text with spaces behind it up to a width.
func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
