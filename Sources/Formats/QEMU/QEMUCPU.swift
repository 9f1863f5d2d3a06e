// SPDX-License-Identifier: Apache-2.0

/// The argument of QEMU's `-cpu`: a model, and properties set on or off, or to a value.
public struct QEMUCPU: Sendable, Hashable, CustomStringConvertible {
    /// One property.
    public struct Property: Sendable, Hashable {
        /// The name in QEMU's spelling.
        public var name: String
        /// The value: `on` and `off` for features.
        public var value: String

        /// A property with a value.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The model, version or alias.
    public var model: String
    /// The properties, in the order in which QEMU sets them: a later one wins.
    public var properties: [Property]

    /// A model with properties.
    public init(model: String, properties: [Property] = []) {
        self.model = model
        self.properties = properties
    }

    /// The argument: `EPYC-Milan-v2,svm=on,vaes=off`. QEMU has no way to write a comma within a value.
    public var description: String {
        ([model] + properties.map { "\($0.name)=\($0.value)" }).joined(separator: ",")
    }
}

extension QEMUCPU {
    /// Reads an argument, with or without `-cpu ` before it.
    ///
    /// `+feature` and `-feature` are `feature=on` and `feature=off`; QEMU sets them after all others, whatever their
    /// place, the `-` ones last.
    ///
    /// - Throws: ``FormatError`` with the column.
    public init(parsing text: String, name: String) throws(FormatError) {
        guard text.utf8.count <= FormatLimits.lineBytes else {
            throw FormatError(.limit, file: name, "the argument has more than \(FormatLimits.lineBytes) bytes")
        }
        var bytes = Array(text.utf8)[...]
        if bytes.starts(with: "-cpu ".utf8) { bytes = bytes.dropFirst(5) }
        while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: " ") { bytes = bytes.dropLast() }

        let start = bytes.startIndex
        var model: String?
        var properties: [Property] = []
        var plus: [Property] = []
        var minus: [Property] = []
        for bytes in bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let column = bytes.startIndex - start + 1
            let part = String(decoding: bytes, as: UTF8.self)
            func error(_ message: String) -> FormatError {
                FormatError(.syntax, file: name, line: 1, column: column, message)
            }
            guard model != nil else {
                guard !part.isEmpty, part.utf8.allSatisfy(isModelByte) else {
                    throw error("a model's name must come first, not \(quoted(part))")
                }
                model = part
                continue
            }
            switch part.first {
            case nil: throw error("there is nothing between two commas, or after the last")
            case "+", "-":
                let property = Property(String(part.dropFirst()), part.first == "+" ? "on" : "off")
                guard isPropertyName(property.name) else {
                    throw error("a feature's name, and nothing more, must follow the \"\(part.prefix(1))\"")
                }
                if part.first == "+" { plus.append(property) } else { minus.append(property) }
            default:
                // A property alone is the old way to say "on".
                let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let value = halves.count == 2 ? String(halves[1]) : "on"
                guard isPropertyName(halves[0]) else { throw error("\(quoted(halves[0])) is no property's name") }
                properties.append(Property(String(halves[0]), value))
            }
        }
        guard let model else { throw FormatError(.syntax, file: name, line: 1, column: 1, "the argument is empty") }
        self.init(model: model, properties: properties + plus + minus)
    }
}

private func isPropertyName(_ name: some StringProtocol) -> Bool {
    name.utf8.first.map { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") } == true
        && name.utf8.allSatisfy(isModelByte)
}

private func isModelByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
