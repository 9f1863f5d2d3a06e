// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing

@testable import CPUModelControl

@Suite struct ReasonsTests {
    private func text(_ reasons: [(String, String?)]) throws -> String {
        let list = reasons.map { sentence, feature -> JSONValue in
            feature.map { ["reason": .string(sentence), "feature": .string($0)] } ?? ["reason": .string(sentence)]
        }
        var reader = ObjectReader(["reasons": .array(list)], path: "result")
        var page = Page(style: OutputStyle(width: 200, now: 0))
        try Reasons("reasons", &reader).write(to: &page)
        return page.text
    }

    private func lacking(_ feature: String) -> (String, String?) {
        ("It has \(feature) (CPUID.\(feature)), I have not.", feature)
    }

    @Test func manyOfAKindAreOneSentenceAndTheRestByName() throws {
        let all = ["a", "as", "c"].map { lacking($0) }
        #expect(
            try text(all + [("It is another's.", nil)])
                == "  -  It has a (CPUID.a), I have not. The same holds for 2 others: as c\n  -  It is another's.\n")
    }

    @Test func fewOfAKindAreToldOneByOne() throws {
        let all = ["a", "b"].map { lacking($0) }
        #expect(
            try text(all) == "  -  It has a (CPUID.a), I have not.\n  -  It has b (CPUID.b), I have not.\n")
    }

    @Test func sentencesThatOnlyLookAlikeStayApart() throws {
        let reasons = [("a is gone.", "a"), ("b is new.", "b"), ("c is odd.", "c"), ("No name.", "d")]
        #expect(try text(reasons.map { ($0.0, $0.1 as String?) }).split(separator: "\n").count == 4)
    }
}
