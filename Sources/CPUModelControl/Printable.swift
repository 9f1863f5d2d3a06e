// SPDX-License-Identifier: Apache-2.0

public import JSON

extension String {
    /// The text with every character escaped that could do something else to a terminal than show itself: control
    /// characters, and those that change the direction of text or are invisible. Written `\u{1b}`.
    ///
    /// Whatever a VM's owner or a model's author has named goes through this before it is printed.
    public var printable: String {
        guard unicodeScalars.contains(where: \.isTreacherous) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isTreacherous {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal may do something else with it than show it.
    var isTreacherous: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}

extension JSONValue {
    /// The value with all its strings, and all names in it, printable.
    var printable: JSONValue {
        switch self {
        case .string(let text): .string(text.printable)
        case .array(let elements): .array(elements.map(\.printable))
        case .object(let object): .object(object.printable)
        case .null, .bool, .integer, .number: self
        }
    }
}

extension JSONObject {
    /// The object with all its strings, and all names in it, printable.
    var printable: JSONObject {
        JSONObject(map { (key: $0.key.printable, value: $0.value.printable) })
    }
}

/// A result as JSON, with a line feed at its end.
///
/// - Parameter forTerminal: one member a line, and nothing in it that a terminal could act on: the same value, with
///   more escapes. Otherwise on one line, for programs.
public func jsonText(_ value: JSONValue, forTerminal: Bool) -> String {
    let text = String(decoding: value.serialized(pretty: forTerminal), as: UTF8.self)
    guard forTerminal else { return text + "\n" }
    // Outside of strings JSON has no such character but the line feeds of the layout, so that each is in a string.
    return text.unicodeScalars.reduce(into: "") { text, scalar in
        if scalar.isTreacherous, scalar != "\n" {
            for unit in String(scalar).utf16 { text += "\\u" + hexadecimal(UInt64(unit), digits: 4) }
        } else {
            text.unicodeScalars.append(scalar)
        }
    } + "\n"
}
