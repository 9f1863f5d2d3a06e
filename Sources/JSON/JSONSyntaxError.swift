// SPDX-License-Identifier: Apache-2.0

/// Why a text is not JSON, or not JSON that we accept, and where.
public struct JSONSyntaxError: Error, Equatable, Sendable {
    /// What is wrong.
    public enum Kind: Equatable, Sendable {
        /// The text has more bytes than the limit.
        case tooLarge(limit: Int)
        /// Arrays and objects nest deeper than the limit.
        case tooDeep(limit: Int)
        /// There are more members and elements than the limit.
        case tooManyMembers(limit: Int)
        /// The text starts with a byte order mark, which RFC 8259, section 8.1 forbids to send.
        case byteOrderMark
        /// The text ends where something must follow.
        case unexpectedEnd(expected: String)
        /// A byte stands where something else must.
        case unexpectedByte(UInt8, expected: String)
        /// Something follows the value.
        case trailingBytes
        /// Bytes in a string are not UTF-8: cut short, overlong, a surrogate or beyond U+10FFFF.
        case invalidUTF8
        /// A control character, U+0000 to U+001F, stands in a string without an escape.
        case controlCharacter(UInt8)
        /// A backslash in a string starts no escape that JSON knows.
        case invalidEscape
        /// An escape is half of a surrogate pair and the other half is missing.
        case loneSurrogate
        /// The number starts with a zero that does not belong there.
        case leadingZero
        /// The number is beyond what a 64-bit floating point number can hold.
        case numberOutOfRange
        /// The object has a member of this name already.
        case duplicateKey(String)
    }

    /// What is wrong.
    public let kind: Kind

    /// Where, in bytes from the start of the text.
    public let offset: Int

    /// An error at this place.
    public init(_ kind: Kind, offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

extension JSONSyntaxError: CustomStringConvertible {
    /// The error in one clause with its place: `',' or '}' is expected, not 'x', at byte 12`.
    public var description: String {
        "\(explanation), at byte \(offset)"
    }

    private var explanation: String {
        switch kind {
        case .tooLarge(let limit): "the text is longer than \(limit) bytes"
        case .tooDeep(let limit): "arrays and objects nest deeper than \(limit)"
        case .tooManyMembers(let limit): "there are more than \(limit) members and elements"
        case .byteOrderMark: "the text starts with a byte order mark, which JSON does not have"
        case .unexpectedEnd(let expected): "the text ends where \(expected) is expected"
        case .unexpectedByte(let byte, let expected): "\(expected) is expected, not \(Self.name(of: byte))"
        case .trailingBytes: "the text goes on after the value"
        case .invalidUTF8: "the string is not UTF-8"
        case .controlCharacter(let byte): "the string contains the control character \(Self.name(of: byte)) unescaped"
        case .invalidEscape: "the backslash starts no escape that JSON knows"
        case .loneSurrogate: "the escape is half of a surrogate pair, and the other half is missing"
        case .leadingZero: "the number has a leading zero"
        case .numberOutOfRange: "the number is too large for a 64-bit floating point number"
        case .duplicateKey(let key): "the object has two members of the name \(quoted(key))"
        }
    }

    private static func name(of byte: UInt8) -> String {
        switch byte {
        case 0x21...0x7E: "'\(Character(Unicode.Scalar(byte)))'"
        default: "byte 0x\(hexadecimal(UInt64(byte), digits: 2))"
        }
    }
}
