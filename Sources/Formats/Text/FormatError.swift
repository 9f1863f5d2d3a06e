// SPDX-License-Identifier: Apache-2.0

import JSON

/// Why a text in another program's format cannot be used, and where.
public struct FormatError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for a program.
    public enum Kind: Sendable, Hashable {
        /// The text is larger than its reader takes, or nests deeper.
        case limit
        /// The text is in no format that is read here.
        case unrecognized
        /// The text does not follow its format.
        case syntax
        /// The text names a model or a feature that does not exist.
        case unknownName
        /// The text is right, and asks for what has no meaning here.
        case unsupported
    }

    /// What is wrong, for a program.
    public let kind: Kind
    /// The name of the text: a file's path, or what the caller called it.
    public let file: String
    /// The line, counted from 1; nil when the text as a whole is meant.
    public let line: Int?
    /// The column in bytes, counted from 1; nil when the line as a whole is meant.
    public let column: Int?
    /// What is wrong, as a clause without full stop.
    public let message: String

    /// An error at a place.
    public init(_ kind: Kind, file: String, line: Int? = nil, column: Int? = nil, _ message: String) {
        self.kind = kind
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// Place and message: `host.txt:12:5: a register has 8 hexadecimal digits`.
    public var description: String {
        ([file] + [line, column].compactMap { $0.map(String.init) }).joined(separator: ":") + ": " + message
    }
}

extension FormatError {
    /// An error at a byte of a text.
    init(_ kind: Kind, file: String, bytes: some Collection<UInt8>, offset: Int, _ message: String) {
        let before = bytes.prefix(offset)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
        self.init(kind, file: file, line: line, column: column, message)
    }

    /// What the JSON reader says of a text.
    init(_ error: JSONSyntaxError, file: String, bytes: [UInt8]) {
        let kind: Kind =
            switch error.kind {
            case .tooLarge, .tooDeep, .tooManyMembers: .limit
            default: .syntax
            }
        self.init(kind, file: file, bytes: bytes, offset: error.offset, error.description)
    }

    /// What is wrong with a JSON value; the message starts with its path.
    init(_ error: JSONShapeError, file: String) {
        self.init(.syntax, file: file, error.description)
    }
}

/// A word from a text we do not trust, fit for a message: in quotes, on one line, cut when long.
func quoted(_ word: some StringProtocol) -> String {
    let limit = 64
    let shown = String(
        String.UnicodeScalarView(
            word.unicodeScalars.prefix(limit).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 })
    )
    return word.unicodeScalars.dropFirst(limit).isEmpty ? "\"\(shown)\"" : "\"\(shown)...\""
}
