// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.detect` for people: the nearest model, and every difference from it.
public struct DetectionReport: Report {
    private struct Candidate {
        let model, reason: String
        let distance: Int64

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            model = try reader.string("model")
            distance = try reader.integer("distance")
            let reason = try reader.string("reason")
            // The name stands in its own column.
            self.reason = String(reason.hasPrefix(model + " ") ? reason.dropFirst(model.count + 1) : reason[...])
        }
    }

    private let model, expression, reason: String
    private let added, removed, idle, blocked: [String]
    private let candidates: [Candidate]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        expression = try reader.string("expression")
        reason = try reader.string("reason")
        added = try reader.strings("added")
        removed = try reader.strings("removed")
        idle = try reader.strings("idle")
        blocked = try reader.strings("blocked")
        candidates = try reader.objects("candidates") { (reader) throws(JSONShapeError) in
            try Candidate(reading: &reader)
        }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title(model)
        page.sentence(reason, indent: 2)
        if expression != model {
            page.sentence("With its differences, as an expression:", indent: 2)
            // In one line however long, so that it can be copied.
            page.line("    \(expression)")
        }
        write(added, "The CPU has \(counted(added.count, "feature")) that the model has not", to: &page)
        write(removed, "The CPU lacks \(counted(removed.count, "feature")) of the model", to: &page)
        write(blocked, "\(counted(blocked.count, "feature")) cannot be had with this name", to: &page)
        writeIdle(to: &page)
        guard candidates.count > 1 else { return }
        page.title("The nearest models, the best first")
        page.table(
            ["MODEL", "DISTANCE", "WHY"],
            candidates.map { [Cell($0.model), "\($0.distance)", Cell($0.reason)] })
    }

    private func write(_ features: [String], _ title: String, to page: inout Page) {
        guard !features.isEmpty else { return }
        page.title(title)
        page.features(features)
    }

    /// What makes no difference is counted, and not named.
    private func writeIdle(to page: inout Page) {
        guard !idle.isEmpty else { return }
        page.title("Not counted: \(counted(idle.count, "feature")) of the model that nobody would see here")
        page.rows(FeatureFamily.grouping(idle).map { .init($0.title, counted($0.features.count, "feature")) })
    }
}

/// Results of `model.detect` for people, a line each.
public struct DetectionListReport: Report {
    private struct Detection {
        let name, model: String
        let added, removed: Int

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            name = try reader.string("name")
            model = try reader.string("model")
            added = try reader.array("added").count
            removed = try reader.array("removed").count
        }
    }

    private let detections: [Detection]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        detections = try reader.objects("detections") { (reader) throws(JSONShapeError) in
            try Detection(reading: &reader)
        }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.table(
            ["CPU", "MODEL", "ADDED", "REMOVED"],
            detections.map { [Cell($0.name), Cell($0.model), "\($0.added)", "\($0.removed)"] })
        page.line()
        page.sentence("Added is what a CPU has and its model has not, removed what the model has and the CPU lacks.")
    }

    /// One object of several results: a list `detections` of them, each with the CPU's name as its first member.
    public static func joining(_ results: [(name: String, result: JSONValue)]) -> JSONValue {
        let detections = results.map { name, result in
            let members = result.objectValue.map(Array.init) ?? []
            return JSONValue.object(JSONObject([(key: "name", value: .string(name))] + members))
        }
        return ["detections": .array(detections)]
    }
}
