// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax

/// The order in which models can be built: each behind the one that it extends, whatever the order of their files.
struct ExtensionOrder {
    /// So many models may stand one on another. More is a mistake, or somebody's joke.
    static let mostSteps = 16

    /// The drafts' positions, in order; without those that extend themselves, or nothing.
    private(set) var positions: [Int] = []
    /// The version that a draft extends.
    private(set) var bases: [Int: CatalogBuilder.Place] = [:]
    /// What is wrong, with the draft's position.
    private(set) var problems: [(position: Int, problem: UnitSyntaxError)] = []

    /// Who extends a model of a file that is refused, with the draft's position.
    private(set) var consequences: [(position: Int, problem: UnitSyntaxError)] = []

    private let drafts: [ModelDraft]
    private let owners: [String: CatalogBuilder.Place]
    private let refused: [RefusedModelFile]

    init(_ drafts: [ModelDraft], owners: [String: CatalogBuilder.Place], refused: [RefusedModelFile]) {
        self.drafts = drafts
        self.owners = owners
        self.refused = refused
    }

    mutating func settle() {
        var lost: Set<Int> = []
        for (position, draft) in drafts.enumerated() {
            guard let line = draft.extends else { continue }
            if let place = owners[line.value] {
                bases[position] = place
            } else if let file = refused.first(where: { $0.defines(line.value) }) {
                let problem = line.error("names \(line.value), which is left out: \(file.summary)")
                consequences.append((position, problem))
                lost.insert(position)
            } else {
                // Looking for what was meant takes time that thousands of mistakes do not deserve.
                let suggestion =
                    problems.count < ModelReader.mostProblems ? nearest(line.value, in: owners.keys.sorted()) : nil
                problems.append((position, line.error("names no model, \"\(line.value)\"\(didYouMean(suggestion))")))
                lost.insert(position)
            }
        }
        var steps: [(position: Int, count: Int)] = []
        for position in drafts.indices where !lost.contains(position) {
            if let count = self.steps(from: position, lost) { steps.append((position, count)) }
        }
        positions = steps.sorted { $0.count < $1.count }.map(\.position)
    }

    /// How many models stand below this one; nil where the way down has no end that can be built on.
    private mutating func steps(from start: Int, _ lost: Set<Int>) -> Int? {
        var path = [start]
        var position = start
        while let next = bases[position]?.model {
            if next == start, let line = drafts[start].extends {
                let names = (path + [start]).map { drafts[$0].name }.joined(separator: " -> ")
                problems.append((start, line.error("leads back to the model itself: \(names)")))
                return nil
            }
            // Another circle further down, which is reported where it is.
            if path.contains(next) || lost.contains(next) { return nil }
            guard path.count <= Self.mostSteps else {
                if let line = drafts[start].extends {
                    problems.append(
                        (start, line.error("stands on more than \(Self.mostSteps) models, each on the next")))
                }
                return nil
            }
            path.append(next)
            position = next
        }
        return path.count - 1
    }
}
