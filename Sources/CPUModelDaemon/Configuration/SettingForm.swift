// SPDX-License-Identifier: Apache-2.0

import UnitSyntax

/// How values of one kind are written in cpumodeld.conf.
struct SettingForm<Value>: Sendable {
    /// Whether assignments add up.
    let isList: Bool
    /// Reads the assignments of a key, at least one.
    let read: @Sendable ([UnitAssignment]) throws(UnitSyntaxError) -> Value
    /// Writes a value as one assignment, or several.
    let write: @Sendable (Value) -> [String]

    /// Of several assignments the last counts; but all must make sense.
    static func single(
        _ read: @escaping @Sendable (UnitAssignment) throws(UnitSyntaxError) -> Value,
        _ write: @escaping @Sendable (Value) -> String
    ) -> SettingForm {
        SettingForm(
            isList: false,
            read: { assignments throws(UnitSyntaxError) in
                var values: [Value] = []
                for assignment in assignments { values.append(try read(assignment)) }
                return values[values.count - 1]
            },
            write: { [write($0)] })
    }

    /// Words add up over assignments, and an empty assignment drops those before it (systemd.syntax(7)).
    static func words(
        _ read: @escaping @Sendable ([UnitAssignment]) throws(UnitSyntaxError) -> Value,
        _ write: @escaping @Sendable (Value) -> [String]
    ) -> SettingForm {
        SettingForm(
            isList: true,
            read: { assignments throws(UnitSyntaxError) in
                try read(assignments.first.map { assignments.list($0.key) } ?? [])
            },
            write: { [write($0).map(SettingText.word).joined(separator: " ")] })
    }
}

/// Words as they may stand in a value.
enum SettingText {
    /// A word, in quotes where it needs them.
    static func word(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.utf8.allSatisfy { $0 > 0x20 && !"\"'\\".utf8.contains($0) }
        if isPlain { return word }
        return "\"" + word.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }

    /// A span of time, in the largest unit of which it is a whole number.
    static func duration(_ duration: Duration) -> String {
        let units: [(Duration, String)] = [
            (.seconds(86_400), "d"), (.seconds(3600), "h"), (.seconds(60), "min"), (.seconds(1), "s"),
            (.milliseconds(1), "ms"), (.microseconds(1), "us"), (.nanoseconds(1), "ns"),
        ]
        for (length, unit) in units where duration >= length {
            let count = Int64(duration / length)
            if length * count == duration { return "\(count)\(unit)" }
        }
        return "0"
    }

    /// A number of bytes, in the largest unit of which it is a whole number.
    static func size(_ bytes: Int) -> String {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] where bytes >= 1 << shift {
            if bytes.isMultiple(of: 1 << shift) { return "\(bytes >> shift)\(unit)" }
        }
        return String(bytes)
    }
}

// MARK: - Kinds of values

extension SettingForm where Value == String {
    /// An absolute path.
    static var path: SettingForm {
        single({ assignment throws(UnitSyntaxError) in try assignment.absolutePath() }, { $0 })
    }
}

extension SettingForm where Value == String? {
    /// An absolute path, or empty for none.
    static var optionalPath: SettingForm {
        single(
            { assignment throws(UnitSyntaxError) in assignment.value.isEmpty ? nil : try assignment.absolutePath() },
            { $0 ?? "" })
    }
}

extension SettingForm where Value == [String] {
    /// Absolute paths.
    static var paths: SettingForm {
        words(
            { assignments throws(UnitSyntaxError) in
                var paths: [String] = []
                for assignment in assignments {
                    for word in try assignment.words() {
                        guard word.hasPrefix("/") else {
                            throw assignment.error("takes absolute paths, and \"\(word)\" is none")
                        }
                        paths.append(word)
                    }
                }
                return paths
            }, { $0 })
    }
}

extension SettingForm where Value == UInt32 {
    /// Permission bits in octal.
    static var mode: SettingForm {
        single(
            { assignment throws(UnitSyntaxError) in
                guard let bits = UInt32(assignment.value, radix: 8), bits <= 0o777 else {
                    throw assignment.error("must be permission bits in octal, such as 0660")
                }
                return bits
            }, { "0" + String($0, radix: 8) })
    }
}

extension SettingForm where Value == Duration {
    /// A span of time.
    static func duration(in range: ClosedRange<Duration>) -> SettingForm {
        single(
            { assignment throws(UnitSyntaxError) in try assignment.duration(in: range) }, SettingText.duration)
    }
}

extension SettingForm where Value == Int {
    /// A number.
    static func count(in range: ClosedRange<Int>) -> SettingForm {
        single({ assignment throws(UnitSyntaxError) in try assignment.integer(in: range) }, { String($0) })
    }

    /// A number of bytes.
    static func size(in range: ClosedRange<UInt64>) -> SettingForm {
        single({ assignment throws(UnitSyntaxError) in Int(try assignment.size(in: range)) }, SettingText.size)
    }
}

extension SettingForm where Value: RawRepresentable & CaseIterable & SendableMetatype, Value.RawValue == String {
    /// One of some words.
    static var word: SettingForm {
        single({ assignment throws(UnitSyntaxError) in try assignment.enumeration() }, \.rawValue)
    }
}

extension SettingForm where Value == CallerSet {
    /// Who may do something.
    static var callers: SettingForm {
        words({ assignments throws(UnitSyntaxError) in try CallerSet(assignments) }, \.words)
    }
}

extension UnitAssignment {
    fileprivate func absolutePath() throws(UnitSyntaxError) -> String {
        guard value.hasPrefix("/") else { throw error("must be an absolute path") }
        return value
    }
}
