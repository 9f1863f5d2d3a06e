// SPDX-License-Identifier: Apache-2.0

public import JSON
public import Spelling

/// The result of `model.list` for people.
public struct ModelListReport: Report {
    private struct Model {
        let name: String
        let alias: String
        let isUsable: Bool?
        let unavailable: [String]
        let note: String

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            name = try reader.string("name")
            alias = try reader.optionalString("alias") ?? ""
            isUsable = try reader.optionalBool("usable")
            unavailable = try reader.optionalStrings("unavailable") ?? []
            note = try reader.optionalString("note") ?? ""
        }
    }

    /// Of what a host lacks, this many features are named in the list.
    private static let namedFeatures = 6

    private let models: [Model]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        models = try reader.objects("models") { (reader) throws(JSONShapeError) in try Model(reading: &reader) }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.table(
            ["MODEL", "ALIAS", "USABLE", "REMARKS"],
            models.map { model in
                [Cell(model.name), Cell(model.alias), Self.usable(model), Cell(Self.remarks(model))]
            })
        let usable = models.count { $0.isUsable == true }
        page.line()
        if models.contains(where: { $0.isUsable == nil }) {
            page.sentence("Whether models are usable is not known, as KVM cannot be used on this host.")
        } else {
            page.sentence("The host can give \(usable) of \(counted(models.count, "model")) in full.")
        }
    }

    private static func usable(_ model: Model) -> Cell {
        switch model.isUsable {
        case true?: Cell("yes", .green)
        case false?: Cell("no", .yellow)
        case nil: "?"
        }
    }

    private static func remarks(_ model: Model) -> String {
        guard !model.unavailable.isEmpty else { return model.note }
        let named = model.unavailable.prefix(namedFeatures).joined(separator: " ")
        let rest = model.unavailable.count - namedFeatures
        return "lacks \(named)" + (rest > 0 ? " and \(rest) more" : "")
    }
}

extension ModelListReport {
    /// The result of `model.list` with only those models of which name, alias or name without version matches.
    public static func filter(_ result: JSONValue, by pattern: NamePattern) -> JSONValue {
        guard case .object(var object) = result, case .array(let models)? = object["models"] else { return result }
        let matching = models.filter { model in
            ["name", "alias", "model"].contains { model[$0]?.stringValue.map(pattern.matches) ?? false }
        }
        object.set(.array(matching), for: "models")
        return .object(object)
    }
}
