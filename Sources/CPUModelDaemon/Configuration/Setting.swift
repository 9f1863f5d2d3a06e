// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

/// One key of cpumodeld.conf: how it is read into a configuration, and written from one.
struct Setting: Sendable {
    /// A section of the file.
    enum Section: String, Sendable, CaseIterable {
        case daemon = "Daemon"
        case access = "Access"
        case executors = "Executors"
        case limits = "Limits"
    }

    /// When a new value is in force.
    enum Effect: Sendable {
        /// From the next reload on.
        case onReload
        /// Not before the daemon is started anew.
        case onRestart
    }

    /// Where it stands.
    let section: Section
    /// The key.
    let key: String
    /// Whether assignments add up; an empty one drops those before it.
    let isList: Bool
    /// When a new value is in force.
    let effect: Effect
    /// Takes the value from assignments of the key, in the order in which they were read, at least one.
    let read: @Sendable ([UnitAssignment], inout Configuration) throws(UnitSyntaxError) -> Void
    /// The value as it may stand behind the `=`; a list may need several assignments.
    let values: @Sendable (Configuration) -> [String]
    /// Takes the value over from another configuration.
    let copy: @Sendable (_ source: Configuration, inout Configuration) -> Void

    init<Value>(
        _ section: Section, _ key: String, _ path: any WritableKeyPath<Configuration, Value> & Sendable,
        _ form: SettingForm<Value>, effect: Effect = .onReload
    ) {
        self.section = section
        self.key = key
        self.effect = effect
        isList = form.isList
        read = { assignments, configuration throws(UnitSyntaxError) in
            configuration[keyPath: path] = try form.read(assignments)
        }
        values = { form.write($0[keyPath: path]) }
        copy = { source, configuration in configuration[keyPath: path] = source[keyPath: path] }
    }

    /// Section and key, as messages name it.
    var name: String { "[\(section.rawValue)] \(key)=" }

    /// Whether two configurations have the same value of it.
    func isSame(in first: Configuration, and second: Configuration) -> Bool { values(first) == values(second) }
}
