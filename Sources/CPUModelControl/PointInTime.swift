// SPDX-License-Identifier: Apache-2.0

/// How long, in the two largest units that matter: `3 days 4 h`, `2 h 5 min`, `12 s`.
func elapsed(seconds: Int64) -> String {
    let seconds = max(0, seconds)
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
    return switch seconds {
    case ..<60: "\(seconds) s"
    case ..<3600: "\(minutes) min"
    case ..<86_400: "\(hours) h \(minutes) min"
    default: "\(counted(days, "day")) \(hours) h"
    }
}

/// A time of the Unix epoch as date and time of day: `2026-03-01 12:00:00 UTC`.
///
/// UTC, so that it means the same on every host of a fleet, and in every report.
func dateAndTime(_ seconds: Int64) -> String {
    let day = Int64(86_400)
    // Outside the years of four digits there is no date to tell.
    guard (-62_135_596_800...253_402_300_799).contains(seconds) else { return "\(seconds) s after 1970" }
    var (days, rest) = seconds.quotientAndRemainder(dividingBy: day)
    if rest < 0 { (days, rest) = (days - 1, rest + day) }

    // Counted from 1 March of the year 0, so that the leap day is the last of a year.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let date = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

    return "\(digits(year, 4))-\(digits(month, 2))-\(digits(date, 2)) "
        + "\(digits(rest / 3600, 2)):\(digits(rest / 60 % 60, 2)):\(digits(rest % 60, 2)) UTC"
}

private func digits(_ number: Int64, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
}
