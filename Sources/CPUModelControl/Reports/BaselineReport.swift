// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.baseline` for people: what all the CPUs can give, and who keeps it from being more.
public struct BaselineReport: Report {
    /// Features that are lost to the same CPUs, as far as the result tells.
    private struct Loss {
        let lackedBy: Int64
        let example: String?
        var features: [String]

        var title: String {
            guard let example, lackedBy > 0 else {
                return
                    "Lacked by none, but kept out: a guest could not leave its host with them, or what they need is lost:"
            }
            return lackedBy > 1 ? "Lacked by \(lackedBy), \(example) among them:" : "Lacked by \(example):"
        }
    }

    private let expression: String?
    private let rows: [Page.Row]
    private let features, notOffered: [String]
    private var losses: [Loss] = []

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        expression = try reader.optionalString("expression")
        features = try reader.strings("features")
        notOffered = try reader.strings("notOffered")
        rows = try Self.rows(&reader)
        for loss in try reader.objects(
            "lost",
            { (reader) throws(JSONShapeError) in
                Loss(
                    lackedBy: try reader.integer("lackedBy"), example: try reader.optionalString("example"),
                    features: [try reader.string("feature")])
            })
        {
            if let same = losses.firstIndex(where: { $0.lackedBy == loss.lackedBy && $0.example == loss.example }) {
                losses[same].features += loss.features
            } else {
                losses.append(loss)
            }
        }
        // What few lack first: there the least is to be done to have it.
        losses.sort { ($0.lackedBy, $0.example ?? "") < ($1.lackedBy, $1.example ?? "") }
    }

    private static func rows(_ reader: inout ObjectReader) throws(JSONShapeError) -> [Page.Row] {
        let model = try reader.optionalString("model")
        let vendor = try reader.optionalString("vendor")
        let signature = reader.has("signature") ? try reader.signature() : nil
        let levels = (try reader.optionalString("level"), try reader.optionalString("extendedLevel"))
        let widths = (
            try reader.optionalInteger("physicalAddressBits"), try reader.optionalInteger("linearAddressBits")
        )
        func joined(_ parts: [String?], _ separator: String) -> String? {
            let parts = parts.compactMap { $0 }
            return parts.isEmpty ? nil : parts.joined(separator: separator)
        }
        let identity = joined([vendor ?? "more than one, or not told", signature], ", ")
        let leaves = joined([levels.0, levels.1], " and ")
        let addresses = joined(
            [widths.0.map { "\($0) bits physical" }, widths.1.map { "\($0) bits linear" }], ", ")
        return [
            ("Model", model), ("Vendor", identity), ("Leaves", leaves.map { "up to \($0)" }), ("Addresses", addresses),
        ].compactMap { label, text in text.map { Page.Row(label, $0) } }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        // In one line however long, so that it can be copied.
        page.line(expression ?? "The catalog has no model that comes near", .bold)
        page.rows(rows)
        page.title("Guests that are to run on all of them can have \(counted(features.count, "feature"))")
        page.features(features)
        if !notOffered.isEmpty {
            page.title(
                "\(counted(notOffered.count, "feature")) that a guest may bring along, but that new ones are not given")
            page.features(notOffered)
        }
        guard !losses.isEmpty else { return }
        let count = losses.reduce(0) { $0 + $1.features.count }
        page.title("\(counted(count, "feature")) that some of them have, and guests cannot")
        for loss in losses {
            page.sentence(loss.title, indent: 2)
            page.words(loss.features, indent: 4)
        }
    }
}
