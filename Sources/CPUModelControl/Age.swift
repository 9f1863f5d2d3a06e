// SPDX-License-Identifier: Apache-2.0

/// How old a value is at most: `3 ms`, `12 s`, `2 h 5 min`; `?` where that cannot be told.
func age(milliseconds: Int64?) -> String {
    guard let milliseconds else { return "?" }
    return milliseconds < 1000 ? "\(max(0, milliseconds)) ms" : elapsed(seconds: milliseconds / 1000)
}

/// The greater of two ages, of which each may be unknown.
func greater(_ one: Int64?, _ other: Int64?) -> Int64? { one.flatMap { one in other.map { max(one, $0) } } }
