// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON
import X86CPU

/// The result of `model.compare`.
public struct CompareResult: JSONWritable {
    private let comparison: CPUComparison
    private let first: String
    private let second: String

    /// A result of comparing two CPUs of these names.
    public init(_ comparison: CPUComparison, first: String, second: String) {
        self.comparison = comparison
        self.first = first
        self.second = second
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("first", first)
            writer.member("second", second)
            writer.member("relation", comparison.relation.rawValue)
            writer.member("onlyInFirst", features: comparison.onlyInFirst)
            writer.member("onlyInSecond", features: comparison.onlyInSecond)
            writer.member("untold", features: comparison.untold)
            writer.array("numbers") { writer in
                for number in comparison.numbers {
                    writer.object { writer in
                        writer.member("name", number.name)
                        writer.member("first", number.first.map { "0x" + String($0, radix: 16) })
                        writer.member("second", number.second.map { "0x" + String($0, radix: 16) })
                    }
                }
            }
            writer.member("vendors", comparison.vendors.map { Pair(first: $0.first, second: $0.second) })
            writer.member("signatures", comparison.signatures.map { Pair(first: $0.first, second: $0.second) })
        }
    }

    /// What each has of something that differs, as text.
    private struct Pair<Value: CustomStringConvertible>: JSONWritable {
        let first: Value?
        let second: Value?

        func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("first", first?.description)
                writer.member("second", second?.description)
            }
        }
    }

    private static let pair = Schema.nullable(
        .object(
            [.required("first", .nullable(.string(""))), .required("second", .nullable(.string("")))],
            "what each has; null where it does not tell"))

    static let schema = Schema.object(
        [
            .required("first", .string("what the first is called")),
            .required("second", .string("what the second is called")),
            .required(
                "relation",
                .choice(CPUComparison.Relation.allCases.map(\.rawValue), "what the first is to the second")),
            .required("onlyInFirst", .features("")), .required("onlyInSecond", .features("")),
            .required("untold", .features("of those, what the other does not tell")),
            .required(
                "numbers",
                .array(
                    .object(
                        [
                            .required("name", .string("")), .required("first", .nullable(.hex(""))),
                            .required("second", .nullable(.hex(""))),
                        ], ""), "levels and widths that differ")),
            .required("vendors", pair), .required("signatures", pair),
        ], "")
}
