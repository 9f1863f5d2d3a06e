// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `model.compare` for people: what two CPUs have, side by side.
public struct ComparisonReport: Report {
    private let names: (first: String, second: String)
    private let relation: String
    private let onlyInFirst, onlyInSecond, untold: [String]
    private let facts: [Page.Pair]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        names = (try reader.string("first"), try reader.string("second"))
        relation = try reader.string("relation")
        onlyInFirst = try reader.strings("onlyInFirst")
        onlyInSecond = try reader.strings("onlyInSecond")
        untold = try reader.strings("untold")
        var facts: [Page.Pair] = []
        for (key, label) in [("vendors", "Vendor"), ("signatures", "Family/model/stepping")] {
            guard var pair = try reader.optionalObject(key) else { continue }
            facts.append(
                Page.Pair(label, try pair.optionalString("first"), try pair.optionalString("second")))
        }
        facts += try reader.objects("numbers") { (number) throws(JSONShapeError) in
            let name = try number.string("name")
            func text(_ value: UInt64?) -> String? {
                // Leaves are known by their numbers in base 16.
                value.map { name.contains("leaf") ? "0x" + String($0, radix: 16) : String($0) }
            }
            return Page.Pair(
                name.prefix(1).uppercased() + name.dropFirst(), text(try number.optionalHex64("first")),
                text(try number.optionalHex64("second")))
        }
        self.facts = facts
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title(headline)
        if !facts.isEmpty {
            page.line()
            page.pairs(facts, of: names)
        }
        let count = onlyInFirst.count + onlyInSecond.count
        if count > 0 {
            page.title("\(counted(count, "feature")) that only one of them has")
            page.pairs(families, of: names)
        }
        if !untold.isEmpty {
            page.title("\(counted(untold.count, "feature")) of which the other one tells nothing")
            page.features(untold)
        }
    }

    private var headline: String {
        switch relation {
        case "identical": "\(names.first) and \(names.second) are the same"
        case "superset": "\(names.first) has all that \(names.second) has, and more"
        case "subset": "\(names.first) has a part of what \(names.second) has, and nothing else"
        case "incomparable": "\(names.first) and \(names.second) each have something that the other has not"
        default: "\(names.first) and \(names.second): \(relation)"
        }
    }

    /// The features by family, each family once.
    private var families: [Page.Pair] {
        let (first, second) = (Set(onlyInFirst), Set(onlyInSecond))
        return FeatureFamily.grouping(onlyInFirst + onlyInSecond).map { family in
            Page.Pair(
                label: family.title, first: family.features.filter(first.contains),
                second: family.features.filter(second.contains))
        }
    }
}

extension Page.Pair {
    /// Texts; nil where something does not tell.
    fileprivate init(_ label: String, _ first: String?, _ second: String?) {
        self.init(label: label, first: wordsOf(first ?? "not told"), second: wordsOf(second ?? "not told"))
    }
}
