// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.export`, `model.import` or `daemon.metrics`: a text for other programs, and remarks for people.
public struct Translation: Sendable {
    /// The text, with a line feed at its end.
    public let text: String
    /// Sentences on what the text does not say.
    public let remarks: [String]

    private init(_ text: String, _ remarks: [String], forTerminal: Bool) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let shown = forTerminal ? lines.map { String($0).printable }.joined(separator: "\n") : text
        self.text = shown.hasSuffix("\n") ? shown : shown + "\n"
        self.remarks = remarks.map(\.printable)
    }

    /// Takes the result of `model.export`.
    ///
    /// - Parameter forTerminal: whether to escape what a terminal could act on.
    public static func export(_ result: JSONValue, forTerminal: Bool) throws(JSONShapeError) -> Translation {
        var reader = try reader(of: result)
        let format = try reader.string("format")
        let notes = try reader.strings("notes")
        let told = Set(notes.flatMap(names))
        let missing = try reader.strings("inexpressible").filter { !told.contains($0) }
        let remark =
            "\(format) has no name for \(counted(missing.count, "feature")): \(missing.joined(separator: ", "))."
        return Translation(
            try reader.string("text"), notes + (missing.isEmpty ? [] : [remark]), forTerminal: forTerminal)
    }

    /// Takes the result of `model.import`.
    ///
    /// - Parameter forTerminal: whether to escape what a terminal could act on.
    public static func `import`(_ result: JSONValue, forTerminal: Bool) throws(JSONShapeError) -> Translation {
        var reader = try reader(of: result)
        let optional = try reader.strings("optional")
        let remark = "To be had only where the host has them: \(optional.joined(separator: ", "))."
        return Translation(
            try reader.string("model"), try reader.strings("notes") + (optional.isEmpty ? [] : [remark]),
            forTerminal: forTerminal)
    }

    /// Takes the result of `daemon.metrics`.
    ///
    /// - Parameter forTerminal: whether to escape what a terminal could act on.
    public static func metrics(_ result: JSONValue, forTerminal: Bool) throws(JSONShapeError) -> Translation {
        var reader = try reader(of: result)
        return Translation(try reader.string("text"), [], forTerminal: forTerminal)
    }

    /// What may be names in a sentence: they may have a full stop inside, such as sse4.1, and one may follow.
    private static func names(in sentence: String) -> [String] {
        sentence.split { $0 == " " || $0 == "," }.map { String($0.last == "." ? $0.dropLast() : $0) }
    }

    private static func reader(of result: JSONValue) throws(JSONShapeError) -> ObjectReader {
        guard case .object(let object) = result else {
            throw JSONShapeError(path: "result", message: "must be an object, not \(result.kindName)")
        }
        return ObjectReader(object, path: "result")
    }
}
