// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.checkMigration` for people: where a guest can run, why not elsewhere, and what would help.
public struct MigrationReport: Report {
    /// What is said of hosts, which mostly are of a few kinds.
    private struct Answer: Hashable {
        let isPossible: Bool
        let reasons, cautions: Reasons
    }

    /// Whether the guest can run on every host.
    let isPossible: Bool
    private let hostCount: Int
    private let possibleCount: Int
    private var answers: [(answer: Answer, hosts: [String])] = []
    private let dropIsEnough: Bool
    private let drop: [String]
    private let model: String?

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        isPossible = try reader.bool("possible")
        var change = try reader.object("smallestChange")
        dropIsEnough = try change.bool("sufficient")
        drop = try change.strings("drop")
        model = try change.optionalString("model")

        let hosts = try reader.objects("hosts") { (host) throws(JSONShapeError) in
            let answer = Answer(
                isPossible: try host.bool("possible"), reasons: try Reasons("reasons", &host),
                cautions: try Reasons("cautions", &host))
            return (name: try host.string("host"), answer: answer)
        }
        hostCount = hosts.count
        possibleCount = hosts.count { $0.answer.isPossible }
        var positions: [Answer: Int] = [:]
        for (name, answer) in hosts {
            if let position = positions[answer] {
                answers[position].hosts.append(name)
            } else {
                positions[answer] = answers.count
                answers.append((answer, [name]))
            }
        }
    }

    /// Writes it.
    public func write(to page: inout Page) { write(to: &page, under: headline) }

    /// Whether there is nothing to tell but that the guest can run there.
    var isPlainYes: Bool { isPossible && answers.allSatisfy { $0.answer.cautions.isEmpty } }

    /// Writes it under another headline.
    func write(to page: inout Page, under headline: String) {
        page.title(headline)
        for (answer, hosts) in answers {
            page.line()
            page.words(wordsOf("\(hosts.joined(separator: ", ")): \(answer.isPossible ? "yes" : "no")"), tint(answer))
            answer.reasons.write(to: &page)
            guard !answer.cautions.isEmpty else { continue }
            page.sentence("To be known before:", indent: 2)
            answer.cautions.write(to: &page)
        }
        if !isPossible { writeChange(to: &page) }
    }

    private func tint(_ answer: Answer) -> Tint {
        answer.isPossible ? (answer.cautions.isEmpty ? .green : .yellow) : .red
    }

    private var headline: String {
        switch (possibleCount, hostCount) {
        case (1, 1): "The guest can run there"
        case (0, 1): "The guest cannot run there"
        case (0, _): "The guest can run on none of \(hostCount) hosts"
        case (hostCount, _): "The guest can run on all \(hostCount) hosts"
        default: "The guest can run on \(possibleCount) of \(hostCount) hosts"
        }
    }

    private func writeChange(to page: inout Page) {
        let places = hostCount == 1 ? "there" : "on all of them"
        page.title("The smallest change")
        if dropIsEnough, !drop.isEmpty {
            page.sentence("Without \(counted(drop.count, "feature")) the guest could run \(places):", indent: 2)
            page.rows(FeatureFamily.grouping(drop).map { Page.Row($0.title, words: $0.features) }, indent: 4)
        } else {
            page.sentence("To drop features is not enough.", indent: 2)
        }
        if let model {
            page.sentence("The best model that runs \(places) is \(model).", indent: 2)
        } else {
            page.sentence("There is no model that runs \(places).", indent: 2)
        }
    }
}
