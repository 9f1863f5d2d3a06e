// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.define` for people.
public struct DefinedReport: Report {
    private let model, digest: String
    private let isNew: Bool

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        digest = try reader.string("digest")
        isNew = try reader.bool("created")
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.sentence("\(model) is \(isNew ? "defined" : "replaced").")
        page.rows([.init("Digest", digest)])
    }
}

/// The result of `model.remove` for people.
public struct RemovedReport: Report {
    private let model: String

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("removed")
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.sentence("\(model) is removed.")
    }
}
