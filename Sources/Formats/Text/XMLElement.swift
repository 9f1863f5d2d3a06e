// SPDX-License-Identifier: Apache-2.0

/// An element of an XML document, with all below it.
struct XMLElement {
    /// An attribute, its value without the quotes and with references resolved.
    struct Attribute {
        let name: String
        let value: String
        let line: Int
        let column: Int
    }

    let name: String
    let line: Int
    let column: Int
    var attributes: [Attribute] = []
    var children: [XMLElement] = []
    /// All text directly in the element, without space at both ends.
    var text = ""

    /// The value of an attribute; nil when the element does not have it.
    subscript(attribute: String) -> String? { attributes.first { $0.name == attribute }?.value }

    /// The first child of that name.
    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// An error about the element.
    func error(_ kind: FormatError.Kind, file: String, _ message: String) -> FormatError {
        FormatError(kind, file: file, line: line, column: column, message)
    }
}

/// Text as it may stand in an XML attribute or element.
func escapedXML(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "&": escaped += "&amp;"
        case "'": escaped += "&apos;"
        case "\"": escaped += "&quot;"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}
