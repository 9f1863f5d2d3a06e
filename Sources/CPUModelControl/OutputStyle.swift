// SPDX-License-Identifier: Apache-2.0

/// How to write for the place where the text is going.
public struct OutputStyle: Sendable, Hashable {
    /// Columns to stay within, as far as words allow.
    public var width: Int
    /// Whether to colour.
    public var isColored: Bool
    /// The present, in seconds of the Unix epoch, to tell ages.
    public var now: Int64

    /// A style from its parts.
    public init(width: Int = 80, isColored: Bool = false, now: Int64) {
        self.width = max(width, 40)
        self.isColored = isColored
        self.now = now
    }

    /// The text in a colour, where there are any.
    func tinted(_ text: String, _ tint: Tint?) -> String {
        guard isColored, let tint, !text.isEmpty else { return text }
        return "\u{1b}[\(tint.rawValue)m\(text)\u{1b}[0m"
    }
}

/// What a text is emphasised with: parameters of the terminal's SGR sequence (ECMA-48, 8.3.117).
enum Tint: Int, Sendable {
    case bold = 1
    case faint = 2
    case red = 31
    case green = 32
    case yellow = 33
}
