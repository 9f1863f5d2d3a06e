// SPDX-License-Identifier: Apache-2.0

/// One pass over a file, line by line.
struct UnitParser {
    private let file: String
    private let limits: UnitLimits
    private var sections: [UnitSection] = []

    /// The number of the line being read.
    private var line = 0

    /// A line that a backslash continues, as far as it has been read, and where it starts.
    private var continued: (text: [UInt8], start: Int)?

    init(file: String, limits: UnitLimits) {
        self.file = file
        self.limits = limits
    }

    mutating func parse(_ bytes: [UInt8]) throws(UnitSyntaxError) -> [UnitSection] {
        guard bytes.count <= limits.maxBytes else {
            throw UnitSyntaxError(location(1), "the file is larger than \(limits.maxBytes) bytes")
        }
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw UnitSyntaxError(location(1), "the file starts with a byte order mark; save it as UTF-8 without one")
        }
        try checkUTF8(bytes)

        var rest = bytes[...]
        while !rest.isEmpty {
            line += 1
            guard line <= limits.maxLines else {
                throw UnitSyntaxError(location(line), "the file has more than \(limits.maxLines) lines")
            }
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            try readLine(rest[..<end])
            rest = rest[end...].dropFirst()
        }
        if let continued {
            throw UnitSyntaxError(location(continued.start), "the file ends in a line that a backslash continues")
        }
        return sections
    }

    private func location(_ line: Int) -> SourceLocation {
        SourceLocation(file: file, line: line)
    }

    private func checkUTF8(_ bytes: [UInt8]) throws(UnitSyntaxError) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            let lines = bytes[..<error.byteOffsets.lowerBound].count { $0 == UInt8(ascii: "\n") }
            throw UnitSyntaxError(location(lines + 1), "the line is not UTF-8")
        }
    }
}

// MARK: - Lines

extension UnitParser {
    /// Reads a line as it stands in the file.
    private mutating func readLine(_ raw: ArraySlice<UInt8>) throws(UnitSyntaxError) {
        try checkCharacters(raw)
        let text = raw.drop(while: isSpace)
        // Comments stand between the lines that a backslash joins, too, without ending them.
        if text.first == UInt8(ascii: "#") || text.first == UInt8(ascii: ";") { return }

        let start = continued?.start ?? line
        guard text.count + (continued?.text.count ?? 0) <= limits.maxLineBytes else {
            throw UnitSyntaxError(
                location(start), "the line, with those that continue it, is longer than \(limits.maxLineBytes) bytes")
        }
        var joined = continued?.text ?? []
        // Or else the copy in there would make `append` copy it all.
        continued = nil
        joined.append(contentsOf: text)

        if endsInLoneBackslash(text) {
            joined[joined.count - 1] = UInt8(ascii: " ")
            continued = (joined, start)
        } else if endsInLoneBackslash(trimmed(text)) {
            throw UnitSyntaxError(
                location(line), "space follows the backslash at the end of the line, so that it continues nothing")
        } else {
            try readJoinedLine(trimmed(joined[...]), at: location(start))
        }
    }

    private func checkCharacters(_ raw: ArraySlice<UInt8>) throws(UnitSyntaxError) {
        guard let control = raw.first(where: { ($0 < 0x20 && $0 != UInt8(ascii: "\t")) || $0 == 0x7F }) else { return }
        if control == UInt8(ascii: "\r"), raw.last == control {
            throw UnitSyntaxError(location(line), "the line ends in CR LF; save the file with Unix line ends")
        }
        let hexadecimal = String(control, radix: 16)
        let code = control < 0x10 ? "0\(hexadecimal)" : hexadecimal
        throw UnitSyntaxError(location(line), "the line contains the control character 0x\(code)")
    }

    /// Whether the line ends in a backslash that is not itself escaped by another.
    private func endsInLoneBackslash(_ text: ArraySlice<UInt8>) -> Bool {
        let backslashes = text.reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        return !backslashes.isMultiple(of: 2)
    }

    /// Reads a line whose continuation is joined and which is no comment.
    private mutating func readJoinedLine(
        _ text: ArraySlice<UInt8>, at location: SourceLocation
    ) throws(UnitSyntaxError) {
        if text.isEmpty { return }
        if text.first == UInt8(ascii: "[") {
            sections.append(
                UnitSection(name: try sectionName(text, at: location), assignments: [], location: location))
            return
        }
        let assignment = try assignment(text, at: location)
        guard !sections.isEmpty else {
            throw UnitSyntaxError(location, "\(quoted(assignment.key)) is assigned before the first section header")
        }
        sections[sections.count - 1].assignments.append(assignment)
    }

    private func sectionName(
        _ text: ArraySlice<UInt8>, at location: SourceLocation
    ) throws(UnitSyntaxError) -> String {
        let name = trimmed(text.dropFirst().dropLast())
        let brackets = [UInt8(ascii: "["), UInt8(ascii: "]")]
        guard text.count > 2, text.last == UInt8(ascii: "]"), !name.isEmpty, !name.contains(where: brackets.contains)
        else {
            throw UnitSyntaxError(location, "\(quoted(string(text))) is no section header; write it as [Name]")
        }
        return string(name)
    }

    private func assignment(
        _ text: ArraySlice<UInt8>, at location: SourceLocation
    ) throws(UnitSyntaxError) -> UnitAssignment {
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
            throw UnitSyntaxError(location, "there is no '=' in \(quoted(string(text)))")
        }
        let key = trimmed(text[..<equals])
        guard !key.isEmpty else { throw UnitSyntaxError(location, "there is no key before the '='") }
        guard key.allSatisfy(isKeyByte) else {
            throw UnitSyntaxError(
                location, "\(quoted(string(key))) is no key; keys are made of letters, digits, '-', '_' and '.'")
        }
        return UnitAssignment(key: string(key), value: string(trimmed(text[(equals + 1)...])), location: location)
    }
}

// MARK: - Bytes

private func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
}

private func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
    default: false
    }
}

private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = text.drop(while: isSpace)
    let end = start.lastIndex { !isSpace($0) } ?? start.startIndex - 1
    return start[...end]
}

/// The text of bytes that are known to be UTF-8.
private func string(_ text: ArraySlice<UInt8>) -> String {
    String(decoding: text, as: UTF8.self)
}
