// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

/// Reads whatever comes. What is a file must read the same when it is written out again in the plainest form.
func checkUnitSyntax(_ bytes: [UInt8]) {
    do throws(UnitSyntaxError) {
        let file = try UnitFile(parsing: bytes, file: "fuzz")
        guard let again = try? UnitFile(parsing: plainest(file), file: "fuzz") else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(contents(again) == contents(file), "what was written reads differently")
        for assignment in file.sections.flatMap(\.assignments) { readValue(assignment) }
        for section in file.sections { _ = try? section.refuseKeys(notIn: ["Name", "Vendor", "Features"]) }
    } catch {
        precondition(error.location.line >= 1 && !error.description.contains("\n"), "a message must stay on its line")
    }
}

private func plainest(_ file: UnitFile) -> [UInt8] {
    Array(contents(file).joined(separator: "\n").utf8)
}

private func contents(_ file: UnitFile) -> [String] {
    file.sections.flatMap { section in
        ["[\(section.name)]"] + section.assignments.map { "\($0.key)=\($0.value)" }
    }
}

private func readValue(_ assignment: UnitAssignment) {
    _ = try? assignment.boolean()
    _ = try? assignment.integer() as Int64
    _ = try? assignment.integer() as UInt64
    _ = try? assignment.size()
    _ = try? assignment.duration()
    _ = try? assignment.words()
}
