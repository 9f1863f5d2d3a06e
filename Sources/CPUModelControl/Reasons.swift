// SPDX-License-Identifier: Apache-2.0

import JSON

/// Reasons as sentences, each mostly about a feature. Of those that say the same of many features one is told in full.
struct Reasons: Hashable {
    private struct Reason: Hashable {
        let sentence: String
        /// The features of which the same can be said, but for the one in the sentence.
        var others: [String] = []
    }

    /// So many sentences that say the same are told one by one.
    private static let fewSentences = 2

    private var reasons: [Reason] = []

    /// Reads a list of {`reason`, `feature`, ...}.
    init(_ key: String, _ reader: inout ObjectReader) throws(JSONShapeError) {
        let all = try reader.objects(key) { (reason) throws(JSONShapeError) in
            (sentence: try reason.string("reason"), feature: try reason.optionalString("feature"))
        }
        let patterns = all.map { reason in reason.feature.map { Self.pattern(of: reason.sentence, about: $0) } }
        let counts = patterns.reduce(into: [:]) { counts, pattern in counts[pattern, default: 0] += 1 }
        var positions: [String: Int] = [:]
        for ((sentence, feature), pattern) in zip(all, patterns) {
            guard let feature, let pattern, counts[pattern, default: 0] > Self.fewSentences else {
                reasons.append(Reason(sentence: sentence))
                continue
            }
            if let position = positions[pattern] {
                reasons[position].others.append(feature)
            } else {
                positions[pattern] = reasons.count
                reasons.append(Reason(sentence: sentence))
            }
        }
    }

    var isEmpty: Bool { reasons.isEmpty }

    /// Writes each behind a dash.
    func write(to page: inout Page) {
        page.rows(
            reasons.map { reason in
                let same = "The same holds for \(counted(reason.others.count, "other")):"
                let words = wordsOf(reason.sentence)
                return .init("-", words: reason.others.isEmpty ? words : words + wordsOf(same) + reason.others)
            })
    }

    /// The sentence without the feature's name and without its place, which follows in parentheses; the whole sentence
    /// where they do not stand like this.
    private static func pattern(of sentence: String, about feature: String) -> String {
        // With the space before it, as "est" is also the end of "guest".
        let padded = " " + sentence
        guard let name = padded.firstRange(of: " \(feature) ("),
            let end = padded[name.upperBound...].firstIndex(of: ")")
        else { return sentence }
        return String(padded[..<name.lowerBound] + padded[end...])
    }
}
