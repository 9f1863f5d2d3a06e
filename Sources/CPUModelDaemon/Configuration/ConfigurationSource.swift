// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax

/// Where a configuration comes from, to be read at start and at every reload: files, and the command line.
public struct ConfigurationSource: Sendable {
    /// A choice on the command line, which counts more than any file.
    public struct Override: Sendable {
        let key: String
        let option: String
        let apply: @Sendable (inout Configuration) throws -> Void

        /// An option that takes the place of a key.
        ///
        /// - Parameters:
        ///   - option: as messages call it: `--socket`.
        ///   - apply: puts the value in its place, or says what is wrong with it.
        public init(
            _ option: String, for key: String, apply: @escaping @Sendable (inout Configuration) throws -> Void
        ) {
            self.key = key
            self.option = option
            self.apply = apply
        }
    }

    let files: ConfigurationFiles
    let overrides: [Override]

    /// These files, with these choices on the command line.
    public init(_ files: ConfigurationFiles, overrides: [Override] = []) {
        self.files = files
        self.overrides = overrides
    }

    /// Reads everything anew.
    ///
    /// - Throws: everything that is wrong, not only the first thing.
    public func load() throws(ConfigurationError) -> LoadedConfiguration {
        var reading = ConfigurationReading()
        do throws(FileError) {
            for file in try files.inForce() { reading.read(file) }
        } catch {
            reading.problems.append(error.description)
        }
        var loaded = reading.finish()
        for override in overrides {
            do {
                try override.apply(&loaded.configuration)
                loaded.origins[override.key] = [.commandLine(override.option)]
            } catch {
                reading.problems.append("\(override.option): \(error)")
            }
        }
        guard reading.problems.isEmpty else { throw ConfigurationError(problems: reading.problems) }
        return loaded
    }
}

/// A configuration that cannot be used.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, each with file and line where it has one.
    public let problems: [String]

    /// All of it.
    public var description: String { problems.joined(separator: "; ") }
}

/// Files on the way to a configuration.
private struct ConfigurationReading {
    var problems: [String] = []
    private var files: [String] = []
    private var assignments: [String: [UnitAssignment]] = [:]

    /// Takes a file in.
    mutating func read(_ path: String) {
        do throws(FileError) {
            let bytes = try RegularFile.contents(of: path)
            files.append(path)
            do throws(UnitSyntaxError) {
                for section in try UnitFile(parsing: bytes, file: path).sections { take(section) }
            } catch {
                problems.append(error.description)
            }
        } catch {
            problems.append(error.description)
        }
    }

    private mutating func take(_ section: UnitSection) {
        do throws(UnitSyntaxError) {
            try UnitFile(sections: [section]).refuseSections(notIn: Setting.Section.allCases.map(\.rawValue))
        } catch {
            return problems.append(error.description)
        }
        for assignment in section.assignments {
            do throws(UnitSyntaxError) {
                try check(assignment, in: section)
                assignments[assignment.key, default: []].append(assignment)
            } catch {
                problems.append(error.description)
            }
        }
    }

    private func check(_ assignment: UnitAssignment, in section: UnitSection) throws(UnitSyntaxError) {
        let known = Configuration.settings.first { $0.key == assignment.key }
        if let known, known.section.rawValue != section.name {
            throw UnitSyntaxError(
                assignment.location,
                "\(assignment.key)= belongs to the section [\(known.section.rawValue)], not [\(section.name)]")
        }
        let keys = Configuration.settings.filter { $0.section.rawValue == section.name }.map(\.key)
        try UnitSection(name: section.name, assignments: [assignment], location: section.location)
            .refuseKeys(notIn: keys)
    }

    /// What all the files make.
    mutating func finish() -> LoadedConfiguration {
        var loaded = LoadedConfiguration(files: files)
        for setting in Configuration.settings {
            guard let assignments = assignments[setting.key] else { continue }
            do throws(UnitSyntaxError) {
                try setting.read(assignments, &loaded.configuration)
                let last = [assignments[assignments.count - 1]]
                let counting = setting.isList ? assignments.list(setting.key) : last
                loaded.origins[setting.key] = (counting.isEmpty ? last : counting).map { .file($0.location) }
            } catch {
                problems.append(error.description)
            }
        }
        return loaded
    }
}
