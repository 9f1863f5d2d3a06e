// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

/// A configuration and where each part of it comes from.
public struct LoadedConfiguration: Sendable {
    /// Where a value was found.
    enum Origin: Sendable, Hashable {
        case file(SourceLocation)
        case commandLine(String)
    }

    /// The values.
    public var configuration = Configuration()
    /// The files that were read, in order.
    let files: [String]
    /// Where values come from, by key; none where a value is the default.
    var origins: [String: [Origin]] = [:]

    /// The default, made of these files and of nothing in them.
    init(files: [String] = []) { self.files = files }

    /// The configuration as one file that makes it, with comments that say where each value comes from.
    public var text: String {
        var lines = ["# What cpumodeld takes from:"]
        lines += (files.isEmpty ? ["no file"] : files).map { "#   \($0)" }
        for section in Setting.Section.allCases {
            lines += ["", "[\(section.rawValue)]"]
            for setting in Configuration.settings where setting.section == section {
                lines.append("# \(originText(of: setting))")
                // A list that is not the default's must not be added to it.
                lines += setting.values(configuration).map { "\(setting.key)=\($0)" }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func originText(of setting: Setting) -> String {
        guard let origins = origins[setting.key] else { return "default" }
        return origins.map { origin in
            switch origin {
            case .file(let location): location.description
            case .commandLine(let option): "\(option) on the command line"
            }
        }.joined(separator: ", ")
    }
}
