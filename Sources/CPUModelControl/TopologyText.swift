// SPDX-License-Identifier: Apache-2.0

public import JSON

/// A topology as one word, `S:D:M:C:T`: sockets, dies per socket, modules per die, cores per module, threads per core.
public enum TopologyText {
    private static let levels = ["sockets", "dies", "modules", "cores", "threads"]

    /// The parameter `topology`; nil when the text is not five counts.
    public static func parse(_ text: String) -> JSONObject? {
        let counts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard counts.count == levels.count else { return nil }
        var topology = JSONObject()
        for (level, count) in zip(levels, counts) {
            guard let count, count >= 1 else { return nil }
            topology.set(.integer(count), for: level)
        }
        return topology
    }

    /// A topology in words, without the levels of which there is one each: `1 socket x 2 cores x 2 threads`.
    static func describe(_ topology: inout ObjectReader) throws(JSONShapeError) -> String {
        var words: [String] = []
        for level in levels {
            let count = try topology.integer(level)
            let singular = level == "dies" ? "die" : String(level.dropLast())
            if count != 1 || level == "sockets" { words.append("\(count) \(count == 1 ? singular : level)") }
        }
        return words.joined(separator: " x ")
    }
}
