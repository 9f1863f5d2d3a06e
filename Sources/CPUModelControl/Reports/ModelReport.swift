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
        let replacement = try reader.optionalString("replacement").map { "use \($0) instead" }
        let deprecation = [try reader.optionalString("deprecation"), replacement].compactMap { $0 }
        add("Deprecated", deprecation.joined(separator: "; "), tint: .yellow)
        add("Note", try reader.optionalString("note"))
        add("Alias", try reader.optionalString("alias"))
        add("Brand", try reader.string("description"))
        let vendor = try reader.optionalBool("vendorOfHost") == true ? "the host's" : try reader.string("vendor")
        add("Vendor", "\(vendor), \(try reader.signature())")
        add("Leaves", "up to \(try reader.string("level")) and \(try reader.string("extendedLevel")) at least")
        add("Caches", try reader.optionalString("caches") ?? "the vendor's table for models that have none")
        add("Versions", try reader.strings("versions").joined(separator: " "))
        add("Extends", try reader.optionalString("extends"))
        add("Defined in", try reader.string("source"))
        add("Digest", try reader.optionalString("digest"))
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
