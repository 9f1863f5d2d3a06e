// SPDX-License-Identifier: Apache-2.0

import Glibc
import Reactor
import Testing

/// Everything that the fuzzers were given, and everything that they have found: `Tests/Fuzz/Corpus`.
///
/// One after the other, as checks that need files have one place for them.
@Suite(.serialized)
struct CorpusTests {
    struct Missing: Error { let path: String }

    @Test(arguments: Check.allCases)
    func theCorpusHolds(check: Check) async throws {
        let inputs = try Self.inputs(of: check)
        #expect(!inputs.isEmpty)
        for input in inputs { await Self.run(check, input) }
    }

    /// A few changes to each, the same in every run: what is refused is refused in many places.
    @Test(arguments: Check.allCases)
    func whatIsNearTheCorpusHolds(check: Check) async throws {
        var random = SystematicNumbers()
        for input in try Self.inputs(of: check) where !input.isEmpty {
            for _ in 0..<8 {
                var changed = input
                for _ in 0...random.below(3) {
                    let place = random.below(changed.count)
                    switch random.below(3) {
                    case 0: changed[place] ^= 1 << random.below(8)
                    case 1: changed[place] = UInt8(random.below(256))
                    default: changed.removeSubrange(place..<min(changed.count, place + 1 + random.below(8)))
                    }
                    if changed.isEmpty { break }
                }
                await Self.run(check, changed)
            }
        }
    }

    private static func run(_ check: Check, _ input: [UInt8]) async {
        switch check.body {
        case .anywhere(let body): body(input)
        case .onReactor(let body):
            Reactor.startThread()
            await body(input)
        }
    }

    private static func inputs(of check: Check) throws -> [[UInt8]] {
        let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let directory = "/\(tests)/Fuzz/Corpus/\(check.rawValue)"
        guard let stream = unsafe opendir(directory) else { throw Missing(path: directory) }
        defer { unsafe closedir(stream) }
        var inputs: [[UInt8]] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { inputs.append(try contents(of: "\(directory)/\(name)")) }
        }
        return inputs
    }

    private static func contents(of path: String) throws -> [UInt8] {
        guard let file = unsafe fopen(path, "r") else { throw Missing(path: path) }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }
}

/// A linear congruential generator (Knuth, MMIX).
private struct SystematicNumbers {
    private var state: UInt64 = 8

    mutating func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}
