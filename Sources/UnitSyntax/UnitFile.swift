// SPDX-License-Identifier: Apache-2.0

import Spelling

/// A file in the syntax of systemd.syntax(7), read strictly: what systemd would skip with a warning is an error here.
public struct UnitFile: Sendable, Hashable {
    /// The sections, in order. Two of one name stay two.
    public let sections: [UnitSection]

    /// A file of these sections.
    public init(sections: [UnitSection]) {
        self.sections = sections
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - bytes: what the file contains.
    ///   - file: what messages call it.
    ///   - limits: what it may ask of us; time is linear in the size.
    public init(parsing bytes: [UInt8], file: String, limits: UnitLimits = .init()) throws(UnitSyntaxError) {
        var parser = UnitParser(file: file, limits: limits)
        sections = try parser.parse(bytes)
    }

    /// The assignments of all sections of this name, as if they were one: what systemd makes of repeated sections.
    public func merged(section name: String) -> [UnitAssignment] {
        sections.filter { $0.name == name }.flatMap(\.assignments)
    }

    /// Makes sure that there are no other sections than these.
    ///
    /// - Throws: ``UnitSyntaxError`` about the first other one, with the nearest name that is known.
    public func refuseSections(notIn known: some Collection<String>) throws(UnitSyntaxError) {
        for section in sections where !known.contains(section.name) {
            var message = "there is no section \(quoted(section.name)) in this kind of file"
            if let suggestion = nearest(section.name, in: known) {
                message += "; did you mean \(quoted(suggestion))?"
            }
            throw UnitSyntaxError(section.location, message)
        }
    }
}
