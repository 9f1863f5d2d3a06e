// SPDX-License-Identifier: Apache-2.0

import Spelling
import UnitSyntax
import X86CPU

extension UnitAssignment {
    /// The value's words, separated by space and without quoting, which no name of a feature needs.
    func spacedWords() -> [String] {
        value.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.map { String(Substring($0)) }
    }

    /// The value as a name: letters, digits, `.`, `_`, `-`, the first a letter or digit.
    func identifier() throws(UnitSyntaxError) -> String {
        guard isIdentifier(value) else {
            throw error("must be a name of letters, digits, \".\", \"_\" and \"-\", not \"\(value)\"")
        }
        return value
    }

    /// The value as a model's name, which must not look like another model's version.
    func modelName() throws(UnitSyntaxError) -> String {
        let name = try identifier()
        if name == "host" || name == "max" { throw error("cannot be \(name), which means what the host has") }
        if splitVersion(name) != nil { throw error("must not end like a version's number, as \"\(name)\" does") }
        return name
    }

    /// The value as the brand string of leaves 0x80000002...4.
    func brand() throws(UnitSyntaxError) -> String {
        guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw error("must be plain ASCII") }
        let count = value.utf8.count
        guard count <= 48 else { throw error("has \(count) characters; CPUID has room for 48") }
        return value
    }

    /// The value as a vendor: the characters of leaf 0, or `host`.
    func vendor() throws(UnitSyntaxError) -> VersionDraft.Vendor {
        if value == "host" { return .host }
        if let vendor = CPUVendor(value) { return .named(vendor) }
        let known = [CPUVendor.intel, .amd, .hygon, .centaur, .zhaoxin].map(\.description) + ["host"]
        let suggestion = didYouMean(nearest(value, in: known))
        throw error("must be the 12 characters of CPUID leaf 0, or host, not \"\(value)\"\(suggestion)")
    }

    /// The value as EAX of leaf 0x80000000, or 0 for a CPU without extended leaves.
    func extendedLevel() throws(UnitSyntaxError) -> UInt32 {
        if value == "0" { return 0 }
        return try integer(in: 0x8000_0000...0x8000_FFFF)
    }
}

/// Whether a word may name a model: 1 to 64 letters, digits, `.`, `_`, `-`, the first a letter or digit.
func isIdentifier(_ word: String) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
    guard let first = word.utf8.first, word.utf8.count <= 64, isAlphanumeric(first) else { return false }
    return word.utf8.allSatisfy { isAlphanumeric($0) || ".-_".utf8.contains($0) }
}

/// The model's name and the number in a name such as `EPYC-v2`; nil when the name does not end so.
func splitVersion(_ name: String) -> (model: Substring, number: Int)? {
    guard let dash = name.lastIndex(of: "-") else { return nil }
    let suffix = name[name.index(after: dash)...]
    guard suffix.first == "v", let number = Int(suffix.dropFirst()) else { return nil }
    return (name[..<dash], number)
}

/// The end of a message about a word that does not exist, when there is one that was most likely meant.
func didYouMean(_ suggestion: String?) -> String { suggestion.map { "; did you mean \"\($0)\"?" } ?? "" }
