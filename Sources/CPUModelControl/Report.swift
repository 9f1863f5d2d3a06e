// SPDX-License-Identifier: Apache-2.0

public import JSON

/// A result of the daemon, written for people.
public protocol Report: SendableMetatype {
    /// Takes from a result what is to be shown. What it does not know it leaves alone: a newer daemon may say more.
    init(reading reader: inout ObjectReader) throws(JSONShapeError)

    /// Writes it.
    func write(to page: inout Page)
}

extension Report {
    /// A result as text, with everything in it made printable.
    ///
    /// - Throws: `JSONShapeError` for a result that is not as the method describes it.
    public static func render(_ result: JSONValue, style: OutputStyle) throws(JSONShapeError) -> String {
        guard case .object(let object) = result.printable else {
            throw JSONShapeError(path: "result", message: "must be an object, not \(result.kindName)")
        }
        var reader = ObjectReader(object, path: "result")
        let report = try Self(reading: &reader)
        var page = Page(style: style)
        report.write(to: &page)
        return page.text
    }
}

extension ObjectReader {
    /// An array of objects, each read with a closure that may leave members alone.
    mutating func objects<T>(
        _ key: String, _ read: (inout ObjectReader) throws(JSONShapeError) -> T
    ) throws(JSONShapeError) -> [T] {
        try Self.objects(try array(key), path: "\(path).\(key)", read)
    }

    /// As ``objects(_:_:)`` with the elements at hand.
    static func objects<T>(
        _ elements: [JSONValue], path: String, _ read: (inout ObjectReader) throws(JSONShapeError) -> T
    ) throws(JSONShapeError) -> [T] {
        var objects: [T] = []
        objects.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            let path = "\(path)[\(index)]"
            guard case .object(let object) = element else {
                throw JSONShapeError(path: path, message: "must be an object, not \(element.kindName)")
            }
            var reader = ObjectReader(object, path: path)
            objects.append(try read(&reader))
        }
        return objects
    }

    /// An array of strings that must be there.
    mutating func strings(_ key: String) throws(JSONShapeError) -> [String] {
        guard let strings = try optionalStrings(key) else { throw error(key, "must be an array of strings") }
        return strings
    }

    /// A CPU's family, model and stepping in words.
    mutating func signature() throws(JSONShapeError) -> String {
        var signature = try object("signature")
        let family = try signature.integer("family")
        let model = try signature.integer("model")
        let stepping = try signature.integer("stepping")
        return "family \(family), model \(model), stepping \(stepping)"
    }
}
