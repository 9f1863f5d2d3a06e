// SPDX-License-Identifier: Apache-2.0

extension UnitAssignment {
    /// The value as a time span of systemd.time(7): whole numbers with units, added up, such as `2min 5s`. A number
    /// without a unit is in seconds.
    ///
    /// Months and years, of which nobody agrees on the length, are not understood.
    public func duration(
        in range: ClosedRange<Duration> = .zero ... .seconds(52 * 7 * 86_400)
    ) throws(UnitSyntaxError) -> Duration {
        guard let duration = parseDuration(value), range.contains(duration) else {
            let bounds = "\(spelled(range.lowerBound)) to \(spelled(range.upperBound))"
            throw mismatch("a time from \(bounds), such as \"10s\" or \"1min 500ms\"")
        }
        return duration
    }
}

/// The units and how they may be written, shortest way first.
private let units: [(length: Duration, names: [String])] = [
    (.nanoseconds(1), ["ns", "nsec"]),
    (.microseconds(1), ["us", "usec", "\u{B5}s", "\u{3BC}s"]),
    (.milliseconds(1), ["ms", "msec"]),
    (.seconds(1), ["s", "sec", "second", "seconds", ""]),
    (.seconds(60), ["min", "m", "minute", "minutes"]),
    (.seconds(3600), ["h", "hr", "hour", "hours"]),
    (.seconds(86_400), ["d", "day", "days"]),
    (.seconds(7 * 86_400), ["w", "week", "weeks"]),
]

/// A time in the largest unit of which it is a whole number.
private func spelled(_ duration: Duration) -> String {
    for unit in units.reversed() where duration >= unit.length {
        let count = Int64(duration / unit.length)
        if unit.length * count == duration { return "\(count)\(unit.names[0])" }
    }
    return "0s"
}

private func parseDuration(_ text: String) -> Duration? {
    var total = Duration.zero
    var rest = text[...].drop(while: isSpace)
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
        let digits = rest.prefix(while: isDigit)
        // Nine digits of weeks are far from overflowing a `Duration`, and a line of them is, too.
        guard !digits.isEmpty, digits.utf8.count <= 9, let count = Int(digits) else { return nil }
        rest = rest.dropFirst(digits.count).drop(while: isSpace)
        let name = rest.prefix { !isSpace($0) && !isDigit($0) }
        guard let unit = units.first(where: { $0.names.contains(String(name)) }) else { return nil }
        total += unit.length * count
        rest = rest.dropFirst(name.count).drop(while: isSpace)
    }
    return total
}

private func isDigit(_ character: Character) -> Bool {
    ("0"..."9").contains(character)
}

private func isSpace(_ character: Character) -> Bool {
    character == " " || character == "\t"
}
