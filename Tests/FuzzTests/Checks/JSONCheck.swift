// SPDX-License-Identifier: Apache-2.0

import JSON

/// Reads whatever comes. What is JSON must be written such that it reads back the same, on one line and on many.
func checkJSON(_ bytes: [UInt8]) {
    guard let value = read(bytes) else { return }

    let line = value.serialized()
    precondition(!line.contains(UInt8(ascii: "\n")), "the text would end the protocol's frame")
    for text in [line, value.serialized(pretty: true)] {
        guard let again = try? JSONValue(parsing: text, limits: JSONLimits(maxBytes: .max)) else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again == value && again.serialized() == line, "what was written reads differently")
    }
    if case .object(let object) = value { readMembers(object) }
}

/// Reads a text; of what is refused the place must lie in it.
private func read(_ bytes: [UInt8]) -> JSONValue? {
    do throws(JSONSyntaxError) {
        return try JSONValue(parsing: bytes)
    } catch {
        precondition((0...bytes.count).contains(error.offset), "the error lies outside the text")
        precondition(!error.description.isEmpty)
        return nil
    }
}

/// Asks an object for members of every type, and for all it has: nothing may be left then.
private func readMembers(_ object: JSONObject) {
    var reader = ObjectReader(object, path: "fuzz")
    for key in object.keys {
        _ = try? reader.string(key)
        _ = try? reader.integer(key, in: 0...100)
        _ = try? reader.hex32(key)
        _ = try? reader.optionalStrings(key)
        _ = try? reader.object(key).finish()
    }
    precondition((try? reader.finish()) != nil, "a member asked for is called unknown")
    do throws(JSONShapeError) {
        try ObjectReader(object, path: "fuzz").finish()
        precondition(object.isEmpty, "members that nobody asked for went unnoticed")
    } catch {
        precondition(!error.description.contains("\n"), "a message must stay on its line")
    }
}
