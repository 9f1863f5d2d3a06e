// SPDX-License-Identifier: Apache-2.0

/// Reads as much of XML as libvirt writes: elements, attributes, text, comments, the declaration, the five entities and
/// character references.
///
/// A document type, processing instructions and CDATA are refused: no document here has them, and the first is how XML
/// readers are attacked. Elements are kept on a stack of our own, so that depth costs no recursion.
struct XMLReader {
    private let bytes: [UInt8]
    private let file: String
    private var offset = 0
    private var line = 1
    private var lineStart = 0
    private var nodes = 0

    /// The document's root element.
    static func read(_ bytes: [UInt8], file: String, limit: Int) throws(FormatError) -> XMLElement {
        try checkSize(bytes, limit, file: file)
        try checkText(bytes, file: file)
        var reader = XMLReader(bytes, file: file)
        return try reader.document()
    }

    private init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    }

    // MARK: - Structure

    private mutating func document() throws(FormatError) -> XMLElement {
        skipSpace()
        if take("<?xml") { try skip(past: "?>", "the XML declaration") }
        try skipSpaceAndComments()
        guard let root = try element() else { throw unexpected("an element") }
        try skipSpaceAndComments()
        guard offset == bytes.count else { throw unexpected("nothing more after the last element's end") }
        return root
    }

    /// The element that starts here, with all below it; nil when none starts here.
    private mutating func element() throws(FormatError) -> XMLElement? {
        var open: [(element: XMLElement, text: [UInt8])] = []
        while offset < bytes.count {
            if bytes[offset] != UInt8(ascii: "<") {
                guard !open.isEmpty else { return nil }
                let character = try character(until: UInt8(ascii: "<"))
                open[open.count - 1].text += character
            } else if take("<!--") {
                try skip(past: "-->", "the comment")
            } else if take("</") {
                guard let (element, text) = open.popLast() else { throw unexpected("an element") }
                let closed = try close(element, text)
                guard !open.isEmpty else { return closed }
                open[open.count - 1].element.children.append(closed)
            } else {
                let (element, isEmpty) = try startTag()
                guard isEmpty else {
                    guard open.count < FormatLimits.xmlDepth else {
                        throw error(.limit, "the elements nest deeper than \(FormatLimits.xmlDepth)")
                    }
                    open.append((element, []))
                    continue
                }
                guard !open.isEmpty else { return element }
                open[open.count - 1].element.children.append(element)
            }
        }
        guard let (element, _) = open.last else { return nil }
        throw error(.syntax, "the text ends in the element \(quoted(element.name)) of line \(element.line)")
    }

    private mutating func close(_ element: XMLElement, _ text: [UInt8]) throws(FormatError) -> XMLElement {
        let name = try name("the name of the element that ends")
        guard name == element.name else {
            throw error(
                .syntax, "\(quoted(name)) ends where \(quoted(element.name)) of line \(element.line) must end first")
        }
        skipSpace()
        guard take(">") else { throw unexpected("'>'") }
        var element = element
        let trimmed = text.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        element.text = String(decoding: trimmed, as: UTF8.self)
        return element
    }

    /// Reads `<name attribute='value'...>`, and whether it ends in `/>`.
    private mutating func startTag() throws(FormatError) -> (XMLElement, isEmpty: Bool) {
        if bytes[offset...].starts(with: "<!".utf8) || bytes[offset...].starts(with: "<?".utf8) {
            throw error(.unsupported, "document types, processing instructions and CDATA are not read")
        }
        let start = (line, column)
        _ = take("<")
        var element = XMLElement(name: try name("an element's name"), line: start.0, column: start.1)
        try count()
        while true {
            let hadSpace = skipSpace()
            if take(">") { return (element, false) }
            if take("/>") { return (element, true) }
            guard hadSpace else { throw unexpected("space, '>' or '/>'") }
            let attribute = try attribute()
            guard element[attribute.name] == nil else {
                throw FormatError(
                    .syntax, file: file, line: attribute.line, column: attribute.column,
                    "the attribute \(quoted(attribute.name)) is given twice")
            }
            // The search for a second of the name is linear in their number.
            guard element.attributes.count < 64 else { throw error(.limit, "an element has more than 64 attributes") }
            element.attributes.append(attribute)
        }
    }

    private mutating func attribute() throws(FormatError) -> XMLElement.Attribute {
        let start = (line, column)
        let name = try name("an attribute's name")
        try count()
        skipSpace()
        guard take("=") else { throw unexpected("'='") }
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "'") || bytes[offset] == UInt8(ascii: "\"") else {
            throw unexpected("a quote")
        }
        let quote = bytes[offset]
        offset += 1
        var value: [UInt8] = []
        while offset < bytes.count, bytes[offset] != quote {
            guard bytes[offset] != UInt8(ascii: "<") else { throw unexpected("the quote that ends the value") }
            value += try character(until: quote)
        }
        guard offset < bytes.count else { throw unexpected("the quote that ends the value") }
        offset += 1
        return XMLElement.Attribute(
            name: name, value: String(decoding: value, as: UTF8.self), line: start.0, column: start.1)
    }

    // MARK: - Characters

    /// The bytes up to a reference or an end, or those of one reference.
    private mutating func character(until end: UInt8) throws(FormatError) -> [UInt8] {
        if take("&") { return try reference() }
        let start = offset
        while offset < bytes.count, bytes[offset] != end, bytes[offset] != UInt8(ascii: "&"),
            bytes[offset] != UInt8(ascii: "<")
        {
            advance()
        }
        return Array(bytes[start..<offset])
    }

    private mutating func reference() throws(FormatError) -> [UInt8] {
        let name = bytes[offset...].prefix(12).prefix { $0 != UInt8(ascii: ";") }
        let text = String(decoding: name, as: UTF8.self)
        let scalar: Unicode.Scalar? =
            switch text {
            case "lt": "<"
            case "gt": ">"
            case "amp": "&"
            case "quot": "\""
            case "apos": "'"
            default: Self.scalar(text)
            }
        guard let scalar, offset + name.count < bytes.count, bytes[offset + name.count] == UInt8(ascii: ";") else {
            throw error(.syntax, "\"&\" must start one of &lt; &gt; &amp; &quot; &apos; or a character's number")
        }
        offset += name.count + 1
        return Array(String(Character(scalar)).utf8)
    }

    /// The character of a reference such as `#10` or `#xA`; none of the control characters that XML forbids.
    private static func scalar(_ text: String) -> Unicode.Scalar? {
        guard text.hasPrefix("#") else { return nil }
        let digits = text.dropFirst()
        let value: UInt32? = number(digits.hasPrefix("x") ? "0" + digits : String(digits))
        guard let value, value >= 0x20 || [0x9, 0xA, 0xD].contains(value) else { return nil }
        return Unicode.Scalar(value)
    }

    private mutating func name(_ what: String) throws(FormatError) -> String {
        let name = bytes[offset...].prefix(while: isNameByte)
        guard !name.isEmpty, name.count <= 256 else { throw unexpected(what) }
        offset += name.count
        return String(decoding: name, as: UTF8.self)
    }

    @discardableResult
    private mutating func skipSpace() -> Bool {
        let start = offset
        while offset < bytes.count, isSpace(bytes[offset]) { advance() }
        return offset > start
    }

    private mutating func skipSpaceAndComments() throws(FormatError) {
        skipSpace()
        while take("<!--") {
            try skip(past: "-->", "the comment")
            skipSpace()
        }
    }

    private mutating func skip(past end: String, _ what: String) throws(FormatError) {
        let start = line
        while offset < bytes.count {
            if take(end) { return }
            advance()
        }
        throw error(.syntax, "the text ends in \(what) of line \(start)")
    }

    private mutating func take(_ word: String) -> Bool {
        guard bytes[offset...].starts(with: word.utf8) else { return false }
        offset += word.utf8.count
        return true
    }

    private mutating func advance() {
        if bytes[offset] == UInt8(ascii: "\n") {
            line += 1
            lineStart = offset + 1
        }
        offset += 1
    }

    // MARK: - Errors

    private var column: Int { offset - lineStart + 1 }

    private mutating func count() throws(FormatError) {
        nodes += 1
        guard nodes <= FormatLimits.xmlNodes else {
            throw error(.limit, "there are more than \(FormatLimits.xmlNodes) elements and attributes")
        }
    }

    private func unexpected(_ expected: String) -> FormatError {
        error(
            .syntax, offset < bytes.count ? "\(expected) is expected here" : "the text ends where \(expected) must be")
    }

    private func error(_ kind: FormatError.Kind, _ message: String) -> FormatError {
        FormatError(kind, file: file, line: line, column: column, message)
    }
}

private func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: ":"), 0x80...:
        true
    default: false
    }
}
