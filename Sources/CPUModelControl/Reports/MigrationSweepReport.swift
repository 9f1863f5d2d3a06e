// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.checkMigration` of every registered VM for people: which would not run there, why, and what would
/// help.
public struct MigrationSweepReport: Report {
    private let vms: [(name: String, expression: String, answer: Int)]
    private let answers: [MigrationReport]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let answers = try reader.objects("answers") { (answer) throws(JSONShapeError) in
            try MigrationReport(reading: &answer)
        }
        vms = try reader.objects("vms") { (vm) throws(JSONShapeError) in
            let answer = try vm.integer("answer", in: 0...Int64(max(answers.count - 1, 0)))
            return (name: try vm.string("vm"), expression: try vm.string("expression"), answer: Int(answer))
        }
        self.answers = answers
    }

    /// Writes it: what cannot run first, then what can, and last what can with nothing more to be said.
    public func write(to page: inout Page) {
        guard !vms.isEmpty, !answers.isEmpty else { return page.sentence("No VM is registered.") }
        let stranded = vms.count { !answers[$0.answer].isPossible }
        page.title(
            stranded == 0
                ? "All \(counted(vms.count, "VM")) can run there"
                : "\(stranded) of \(counted(vms.count, "VM")) cannot run there")
        let order =
            answers.indices.filter { !answers[$0].isPossible } + answers.indices.filter { answers[$0].isPossible }
        for position in order where !answers[position].isPlainYes {
            let users = vms.filter { $0.answer == position }
            let verb = answers[position].isPossible ? "can run there" : "cannot run there"
            answers[position].write(to: &page, under: "\(names(users)): \(verb)")
        }
        let plain = vms.filter { answers[$0.answer].isPlainYes }
        if !plain.isEmpty, plain.count < vms.count { page.title("\(names(plain)): can run there") }
    }

    /// `web-1, web-2 (EPYC-Milan-v2), db-1 (EPYC-Rome-v1)`.
    private func names(_ vms: [(name: String, expression: String, answer: Int)]) -> String {
        var order: [String] = []
        var byExpression: [String: [String]] = [:]
        for vm in vms {
            if byExpression[vm.expression] == nil { order.append(vm.expression) }
            byExpression[vm.expression, default: []].append(vm.name)
        }
        return order.map { "\(byExpression[$0, default: []].joined(separator: ", ")) (\($0))" }
            .joined(separator: ", ")
    }
}
