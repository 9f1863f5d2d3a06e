// SPDX-License-Identifier: Apache-2.0

import JSON

/// How what KVM holds differs from what it was given, sorted by what KVM did.
struct TableDifferences {
    private struct Difference {
        /// A word that says what KVM did.
        let kind: String
        /// `0x00000007 0x00 edx`, `0x0000001f 0x01` or `MSR 0x10a`.
        let place: String
        /// `wanted 0x1, got 0x2`; nil for a whole entry.
        let values: String?
        /// The features among the changed bits.
        let features: [String]
        /// Those of them that were wanted and are not there.
        let lost: [String]
        /// What was not known of the vCPU, so that the bits could not be predicted.
        let unknown: [String]

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            kind = try reader.string("class")
            if let msr = try reader.optionalString("msr") {
                place = "MSR \(msr)"
            } else {
                let entry = entryName(leaf: try reader.hex32("leaf"), subleaf: try reader.hex32("subleaf"))
                place = try reader.optionalString("register").map { "\(entry) \($0)" } ?? entry
            }
            let want = try reader.optionalHex64("want") ?? 0
            if let wantText = try reader.optionalString("want"), let gotText = try reader.optionalString("got") {
                values = "wanted \(wantText), got \(gotText)"
            } else {
                values = nil
            }
            let bits =
                reader.has("bits")
                ? try reader.objects("bits") { (bit) throws(JSONShapeError) in
                    (number: try bit.integer("bit", in: 0...63), feature: try bit.string("feature"))
                } : []
            unknown = try reader.optionalStrings("unpredicted") ?? []
            features = bits.map(\.feature)
            lost = bits.filter { want >> UInt64($0.number) & 1 == 1 }.map(\.feature)
        }
    }

    /// What KVM may have done, the worst first.
    private static let headings: [(kind: String, heading: String)] = [
        ("forcedOff", "KVM turned off what was asked for"),
        ("forcedOn", "KVM turned on what was not asked for"),
        ("valueChanged", "KVM changed values"),
        ("droppedLeaf", "KVM left out these entries"),
        ("addedLeaf", "KVM added these entries"),
        ("runtime", "KVM keeps up to date while the guest runs"),
    ]

    private let differences: [Difference]

    /// Reads a list of differences.
    init(reading value: JSONValue, path: String) throws(JSONShapeError) {
        guard case .array(let elements) = value else {
            throw JSONShapeError(path: path, message: "must be an array, not \(value.kindName)")
        }
        differences = try ObjectReader.objects(elements, path: path) { (reader) throws(JSONShapeError) in
            try Difference(reading: &reader)
        }
    }

    /// Writes what KVM did, and where.
    func write(to page: inout Page) {
        for (kind, heading) in Self.headings {
            write(differences.filter { $0.kind == kind }, heading, to: &page)
        }
        let others = differences.filter { difference in !Self.headings.contains { $0.kind == difference.kind } }
        write(others, "KVM made other changes", to: &page)
    }

    private func write(_ differences: [Difference], _ heading: String, to page: inout Page) {
        guard let first = differences.first else { return }
        page.line("  \(heading):")
        if first.values == nil {
            // Each place is one word, which is not to be torn apart.
            let places = differences.map(\.place)
            page.words(places.dropLast().map { $0 + "," } + places.suffix(1), indent: 4)
        } else {
            page.rows(differences.map { .init($0.place, words: Self.words(for: $0)) }, indent: 4)
        }
    }

    private static func unpredicted(_ difference: Difference) -> [String] {
        guard !difference.unknown.isEmpty else { return [] }
        return wordsOf("(not predicted: of the vCPU \(difference.unknown.joined(separator: ", ")) is not known)")
    }

    private static func words(for difference: Difference) -> [String] {
        let values = difference.values.map(wordsOf) ?? []
        if difference.features.isEmpty { return values + unpredicted(difference) }
        switch difference.kind {
        case "forcedOn", "forcedOff":
            // The heading and the names say it all.
            return difference.features
        case "runtime":
            return difference.features + unpredicted(difference)
        default:
            let gained = difference.features.filter { !difference.lost.contains($0) }
            func clause(_ verb: String, _ names: [String]) -> [String] { names.isEmpty ? [] : ["\(verb):"] + names }
            return values.dropLast() + values.suffix(1).map { $0 + ";" } + clause("lost", difference.lost)
                + clause("gained", gained)
        }
    }
}

/// An entry of a table as it is named everywhere here, and by the program cpuid: `0x00000007 0x00`.
func entryName(leaf: UInt32, subleaf: UInt32) -> String {
    "0x\(hexadecimal(UInt64(leaf), digits: 8)) 0x\(hexadecimal(UInt64(subleaf), digits: 2))"
}
