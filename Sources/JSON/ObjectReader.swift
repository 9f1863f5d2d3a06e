// SPDX-License-Identifier: Apache-2.0

import Spelling

/// Reads an object member by member, with messages that say where and what, and remembers which members were asked for:
/// one that nobody asked for is an error, so that a misspelt option is never silently ignored.
///
///     var reader = ObjectReader(params, path: "params")
///     let name = try reader.string("name")
///     let policy = try reader.enumeration("unavailable", default: Policy.fail)
///     try reader.finish()
///
/// An optional member may be left out or be `null`.
public struct ObjectReader: Sendable {
    /// The object.
    public let object: JSONObject

    /// What messages call the object.
    public let path: String

    /// The names asked for so far, some perhaps more than once.
    private var asked: [String] = []

    /// Which members have been asked for, by their position. An object used as a map has as many as its sender likes,
    /// so that looking through `asked` would be quadratic.
    private var isRead: [Bool]

    /// A reader of this object.
    ///
    /// - Parameter path: what messages call the object, such as `params`; empty for the text as a whole.
    public init(_ object: JSONObject, path: String) {
        self.object = object
        self.path = path
        isRead = Array(repeating: false, count: object.count)
    }

    /// The names asked for so far, each once, in the order of the first time: those that a decoder knows.
    public var askedKeys: [String] {
        var seen: Set<String> = []
        return asked.filter { seen.insert($0).inserted }
    }

    /// The member of this name as it is, or `nil` when there is none.
    public mutating func value(_ key: String) -> JSONValue? {
        asked.append(key)
        guard let position = object.position(of: key) else { return nil }
        isRead[position] = true
        return object.members[position].value
    }

    /// Whether there is a member of this name that is not `null`. Asking does not count as reading it.
    public func has(_ key: String) -> Bool {
        object[key].map { !$0.isNull } ?? false
    }

    /// Makes sure that nothing is left that nobody asked for.
    ///
    /// - Throws: ``JSONShapeError`` about the first such member, with the nearest name that is known.
    public func finish() throws(JSONShapeError) {
        guard let position = isRead.firstIndex(of: false) else { return }
        throw unknownMember(object.members[position].key)
    }

    private func unknownMember(_ key: String) -> JSONShapeError {
        let known = askedKeys
        let message =
            if let suggestion = nearest(key, in: known) {
                "is not a known member; did you mean \(quoted(suggestion))?"
            } else if known.isEmpty {
                "is not a known member; there are none"
            } else {
                "is not a known member; known are \(listed(known.sorted(), "and"))"
            }
        return JSONShapeError(path: memberPath(path, key), message: message)
    }
}

// MARK: - What every typed reader is made of

extension ObjectReader {
    /// An error about a member.
    ///
    /// - Parameter message: the rest of a sentence that starts with the path of the member: `must not be empty`.
    public func error(_ key: String, _ message: String) -> JSONShapeError {
        JSONShapeError(path: memberPath(path, key), message: message)
    }

    /// Reads a member that may be left out.
    ///
    /// - Parameters:
    ///   - expected: what it must be, with its article, for messages.
    ///   - convert: gives `nil` for a value of another type.
    mutating func optional<T>(
        _ key: String, expected: @autoclosure () -> String, _ convert: (JSONValue) -> T?
    ) throws(JSONShapeError) -> T? {
        guard let value = value(key), !value.isNull else { return nil }
        guard let converted = convert(value) else {
            throw error(key, "must be \(expected()), not \(value.kindName)")
        }
        return converted
    }

    /// The error that a member that must be there is missing, or `null`.
    func missing(_ key: String, expected: String) -> JSONShapeError {
        error(key, object.contains(key) ? "must be \(expected), not null" : "is missing; it must be \(expected)")
    }
}
