// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.expand` for people.
public struct ExpansionReport: Report {
    private let expression: String
    private let rows: [Page.Row]
    private let features: [String]
    private let msrs: FeatureMSRLines
    private let unavailable: UnavailableFeatures
    private let withheld: UnavailableFeatures
    private let remarks: GuestRemarks

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        expression = try reader.string("expression")
        rows = [
            .init("Model", try reader.string("model")),
            .init("Brand", try reader.string("description")),
            .init("Vendor", "\(try reader.string("vendor")), \(try reader.signature())"),
        ]
        features = try reader.strings("features")
        msrs = try FeatureMSRLines(&reader)
        unavailable = try UnavailableFeatures("unavailable", &reader)
        withheld = try UnavailableFeatures("withheld", &reader)
        remarks = try GuestRemarks(&reader)
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title(expression)
        page.rows(rows)
        page.title("The guest gets \(counted(features.count, "feature"))")
        page.features(features)
        msrs.write(to: &page)
        if unavailable.count > 0 {
            page.title("The host cannot give \(counted(unavailable.count, "feature"))")
            unavailable.write(to: &page)
        }
        if withheld.count > 0 {
            page.title("Not given unless asked for, or at all: \(counted(withheld.count, "feature"))")
            withheld.write(to: &page)
        }
        remarks.write(to: &page)
    }
}
