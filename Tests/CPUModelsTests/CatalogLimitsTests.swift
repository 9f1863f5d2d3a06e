// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import UnitSyntax

/// Files that somebody made to hurt: refused with file and line, in time and memory that are bounded.
@Suite(.serialized) struct CatalogLimitsTests {
    private let header = "[Model]\nName=Big\nVendor=host\nFamily=6\nModel=1\nStepping=1\nDescription=\nFeatures=fpu\n"

    /// The first problem, and how many there are.
    private func refusal(of files: [ModelFile]) throws -> (first: String, count: Int) {
        let clock = ContinuousClock()
        var error: CatalogError?
        let time = clock.measure { error = #expect(throws: CatalogError.self) { try ModelCatalog(files: files) } }
        #expect(time < .seconds(60))
        let problems = try #require(error).problems
        return (problems.first?.description ?? "", problems.count)
    }

    private func refusal(of text: String) throws -> (first: String, count: Int) {
        try refusal(of: [ModelFile(path: "big.cpumodel", bytes: Array(text.utf8))])
    }

    @Test func aHundredThousandVersions() throws {
        let versions = (2...100_000).map { "[Version]\nNumber=\($0)\n" }.joined()
        let refusal = try refusal(of: header + versions)
        #expect(refusal.first == "big.cpumodel:1: the file is larger than 1048576 bytes" && refusal.count == 1)
    }

    @Test func asManyVersionsAsTheFileHasRoomFor() throws {
        let versions = (2...12_000).map { "[Version]\nNumber=\($0)\n" }.joined()
        let refusal = try refusal(of: header + versions)
        #expect(refusal.first.hasPrefix("big.cpumodel:20006: Number= must be an integer from 1 to 9999"))
        #expect(refusal.count <= 50)
        let few = (2...9_999).map { "[Version]\nNumber=\($0)\n" }.joined()
        let file = ModelFile(path: "big.cpumodel", bytes: Array((header + few).utf8))
        #expect(try ModelCatalog(files: [file]).version(named: "Big-v9999") != nil)
    }

    @Test func versionsThatAreAllWrong() throws {
        let versions = (2...9_999).map { "[Version]\nNumber=\($0)\nAdd=fpu\n" }.joined()
        let refusal = try refusal(of: header + versions)
        #expect(refusal.first == "big.cpumodel:11: Add= has fpu, which version 1 has already" && refusal.count <= 50)
    }

    @Test func aHundredMegabytes() throws {
        let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: 100 << 20)
        let refusal = try refusal(of: [ModelFile(path: "big.cpumodel", bytes: bytes)])
        #expect(refusal.first == "big.cpumodel:1: the file is larger than 1048576 bytes")
    }

    @Test func binaryGarbage() throws {
        var state: UInt64 = 1
        for length in [1, 10, 1_000, 1_000_000] {
            let bytes = (0..<length).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
            let refusal = try refusal(of: [ModelFile(path: "garbage.cpumodel", bytes: bytes)])
            #expect(refusal.first.hasPrefix("garbage.cpumodel:") && refusal.count == 1)
        }
    }

    @Test func aCircleOfThousands() throws {
        let files = (0..<4_000).map { number in
            ModelFile(
                path: "\(number).cpumodel",
                bytes: Array("[Model]\nName=M\(number)\nExtends=M\((number + 1) % 4_000)\n".utf8))
        }
        #expect(try refusal(of: files).first.contains("Extends= "))
    }

    @Test func thousandsOfModelsThatExtendNothing() throws {
        let files = (0..<4_000).map { number in
            ModelFile(path: "\(number).cpumodel", bytes: Array("[Model]\nName=M\(number)\nExtends=X\(number)\n".utf8))
        }
        let refusal = try refusal(of: files)
        #expect(refusal.first == "0.cpumodel:3: Extends= names no model, \"X0\"; did you mean \"M0\"?")
        #expect(refusal.count == 4_000)
    }

    @Test func thousandsOfLinesThatAreNoFeature() throws {
        let lines = (0..<30_000).map { "Features=nonsense\($0)" }.joined(separator: "\n")
        #expect(try refusal(of: header + lines).count == 50)
    }
}
