// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON
public import X86CPU

/// The result of `model.export`.
public struct ExportResult: JSONWritable {
    private let format: ExportParameters.Format
    private let text: String
    private let inexpressible: FeatureSet
    private let notes: [String]

    /// A text in another program's words, what it cannot say, and remarks.
    public init(_ format: ExportParameters.Format, text: String, inexpressible: FeatureSet, notes: [String]) {
        self.format = format
        self.text = text
        self.inexpressible = inexpressible
        self.notes = notes
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("format", format.rawValue)
            writer.member("text", text)
            writer.member("inexpressible", features: inexpressible)
            writer.member("notes", notes)
        }
    }

    static let schema = Schema.object(
        [
            .required("format", .choice(ExportParameters.Format.allCases.map(\.rawValue), "")),
            .required("text", .string("")),
            .required("inexpressible", .features("what the program has no name for")),
            .required("notes", .array(.string("a sentence"), "")),
        ], "")
}

/// The result of `model.import`.
public struct ImportResult: JSONWritable {
    private let expression: ModelExpression
    private let optional: FeatureSet
    private let notes: [String]

    /// A model expression, features to be had where a host has them, and remarks.
    public init(_ expression: ModelExpression, optional: FeatureSet, notes: [String]) {
        self.expression = expression
        self.optional = optional
        self.notes = notes
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("model", expression.description)
            writer.member("optional", features: optional)
            writer.member("notes", notes)
        }
    }

    static let schema = Schema.object(
        [
            .required("model", .string("a model expression")),
            .required("optional", .features("to be had where the host has them")),
            .required("notes", .array(.string("a sentence"), "what has no place here, or deserves a second look")),
        ], "")
}
