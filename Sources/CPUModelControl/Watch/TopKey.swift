// SPDX-License-Identifier: Apache-2.0

/// What the keys of `cpumodelctl top` mean.
public enum TopKey: Sendable, Hashable, CaseIterable {
    case quit, suspend, up, down, pageUp, pageDown, first, last

    /// The keys in what was read from a terminal. Keys held down come several at a time, and unknown ones mean nothing.
    ///
    /// The sequences are those of ECMA-48 and DEC's terminals, in both cursor modes.
    public static func keys(in bytes: some Collection<UInt8>) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = Array(bytes)[...]
        while let byte = rest.first {
            if byte == 0x1B, let length = sequenceLength(rest) {
                if let key = sequences[String(decoding: rest.prefix(length).dropFirst(2), as: UTF8.self)] {
                    keys.append(key)
                }
                rest = rest.dropFirst(length)
            } else {
                if let key = letters[byte] { keys.append(key) }
                rest = rest.dropFirst()
            }
        }
        return keys
    }

    private static let letters: [UInt8: TopKey] = [
        UInt8(ascii: "q"): .quit, UInt8(ascii: "Q"): .quit, 0x03: .quit, 0x1A: .suspend, UInt8(ascii: "j"): .down,
        UInt8(ascii: "k"): .up, UInt8(ascii: " "): .pageDown, UInt8(ascii: "b"): .pageUp, UInt8(ascii: "g"): .first,
        UInt8(ascii: "G"): .last,
    ]

    /// By what is behind ESC and `[` or `O`.
    private static let sequences: [String: TopKey] = [
        "A": .up, "B": .down, "5~": .pageUp, "6~": .pageDown, "H": .first, "F": .last, "1~": .first, "4~": .last,
    ]

    /// Bytes of the sequence that begins here: ESC, `[` or `O`, parameters, and a final letter or `~`; nil where none does.
    private static func sequenceLength(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard let second = bytes.dropFirst().first, second == UInt8(ascii: "[") || second == UInt8(ascii: "O") else {
            return nil
        }
        guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else { return nil }
        return end - bytes.startIndex + 1
    }
}
