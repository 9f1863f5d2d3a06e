// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
import JSON
public import X86CPU

/// The parameters `base` and `keep`: a model is to be laid over tables that the VMM made itself.
public struct OverlayParameters: Sendable {
    /// Where those tables are.
    public enum Base: Sendable {
        /// In the request, one a vCPU.
        case given([CPUIDTable])
        /// On the vCPUs: what KVM has now.
        case current
    }

    /// Where the VMM's tables are.
    public let base: Base
    /// What they keep.
    public let kept: Set<OverlayPart>

    /// Reads both; nil when there is no base.
    static func read(_ reader: inout ObjectReader) throws(JSONShapeError) -> OverlayParameters? {
        let kept = try keptParts(&reader)
        guard let base = try base(&reader) else {
            guard kept == nil else { throw reader.error("keep", "makes no sense without \"base\"") }
            return nil
        }
        return OverlayParameters(base: base, kept: kept ?? OverlayPart.usual)
    }

    private static func base(_ reader: inout ObjectReader) throws(JSONShapeError) -> Base? {
        switch reader.value("base") {
        case nil, .null: return nil
        case .string("current"): return .current
        case .array(let tables) where 1...4096 ~= tables.count:
            var read: [CPUIDTable] = []
            read.reserveCapacity(tables.count)
            for (number, table) in tables.enumerated() {
                read.append(try CPUIDTable(readingBase: table, path: "\(reader.path).base[\(number)]"))
            }
            return .given(read)
        default:
            throw reader.error("base", "must be \"current\", or an array of 1 to 4096 tables, one a vCPU")
        }
    }

    private static func keptParts(_ reader: inout ObjectReader) throws(JSONShapeError) -> Set<OverlayPart>? {
        guard let names = try reader.optionalStrings("keep") else { return nil }
        var parts: Set<OverlayPart> = []
        for (number, name) in names.enumerated() {
            guard let part = OverlayPart(rawValue: name) else {
                let known = OverlayPart.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                throw JSONShapeError(path: "\(reader.path).keep[\(number)]", message: "must be one of \(known)")
            }
            parts.insert(part)
        }
        return parts
    }

    static let members: [Schema.Member] = [
        .optional(
            "base",
            .any(
                "tables of the VMM's own, one a vCPU, to lay the model over; or \"current\", what vCPUs have now")
        ),
        .optional(
            "keep",
            .array(
                .choice(OverlayPart.allCases.map(\.rawValue), ""),
                "what stays as \"base\" has it; topology, hypervisor, tsc and physicalAddressBits when left out")),
    ]
}

extension CPUIDTable {
    fileprivate init(readingBase value: JSONValue, path: String) throws(JSONShapeError) {
        guard let values = value.arrayValue, values.count <= Self.maximumCount else {
            throw JSONShapeError(path: path, message: "must be an array of at most \(Self.maximumCount) entries")
        }
        var entries: [CPUIDEntry] = []
        entries.reserveCapacity(values.count)
        for (number, value) in values.enumerated() {
            entries.append(try CPUIDEntry(reading: value, path: "\(path)[\(number)]"))
        }
        self.init(entries)
    }
}
