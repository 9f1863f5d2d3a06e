// SPDX-License-Identifier: Apache-2.0

/// What was worked out before, as long as what it comes of stays the same: launchers and operators ask for the same few
/// models again and again. When it is full all of it is forgotten, so that nobody can make it large.
struct AnswerMemory<Key: Hashable, Value> {
    private let limit: Int
    private var values: [Key: Value] = [:]

    /// A memory of that many values.
    init(limit: Int) { self.limit = limit }

    /// The value that is remembered for a key.
    subscript(key: Key) -> Value? {
        get { values[key] }
        set {
            if values.count >= limit { values.removeAll() }
            values[key] = newValue
        }
    }

    /// Forgets everything, for what it came of has changed.
    mutating func forget() { values.removeAll() }
}
