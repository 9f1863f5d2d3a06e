// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// What a shell can offer for a word that is being typed.
public enum Completions {
    /// Names of features.
    public static var features: [String] { FeatureRegistry.shared.all.map(\.name) }

    /// Continuations of a model expression: names of models and, behind a comma, `+` or `-` and names of features.
    public static func expression(_ word: String, models: [String]) -> [String] {
        guard let comma = word.lastIndex(of: ",") else { return models + ["host", "max"] }
        let before = word[...comma]
        let sign = word[word.index(after: comma)...].first.flatMap { "+-".contains($0) ? String($0) : nil } ?? "+"
        return FeatureRegistry.shared.all.map { before + sign + $0.name }
    }
}
