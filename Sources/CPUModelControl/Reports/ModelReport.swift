// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.show` for people.
public struct ModelReport: Report {
    private let name: String
    private var rows: [Page.Row] = []
    private let features: [String]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        name = try reader.string("name")
        features = try reader.strings("features")
        var rows: [Page.Row] = []
        func add(_ label: String, _ text: String?, tint: Tint? = nil) {
            if let text, !text.isEmpty { rows.append(.init(label, text, tint: tint)) }
        }
        add("Deprecated", try reader.optionalString("deprecation"), tint: .yellow)
        add("Note", try reader.optionalString("note"))
        add("Alias", try reader.optionalString("alias"))
        add("Brand", try reader.string("description"))
        add("Vendor", "\(try reader.string("vendor")), \(try reader.signature())")
        add("Leaves", "up to \(try reader.string("level")) and \(try reader.string("extendedLevel")) at least")
        add("Caches", try reader.optionalString("caches") ?? "the vendor's table for models that have none")
        add("Versions", try reader.strings("versions").joined(separator: " "))
        add("Defined in", try reader.string("source"))
        self.rows = rows
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title(name)
        page.rows(rows)
        page.title(counted(features.count, "feature"))
        page.features(features)
    }
}
