// SPDX-License-Identifier: Apache-2.0

import JSONRPC
import Testing

@Suite("Cutting lines")
struct LineFramerTests {
    private func lines(of framer: inout LineFramer) throws -> [String] {
        var lines: [String] = []
        while let line = try framer.nextLine() { lines.append(String(decoding: line, as: UTF8.self)) }
        return lines
    }

    @Test(arguments: 1...9)
    func linesDoNotDependOnHowTheStreamWasCut(pieceSize: Int) throws {
        let stream = Array("a\nbcd\n\n\nefghijklmnopqrstuvwxyz\nrest".utf8)
        var framer = LineFramer(limit: 100)
        var found: [String] = []
        for start in stride(from: 0, to: stream.count, by: pieceSize) {
            framer.append(stream[start..<min(start + pieceSize, stream.count)])
            found += try lines(of: &framer)
        }
        #expect(found == ["a", "bcd", "", "", "efghijklmnopqrstuvwxyz"])
        #expect(!framer.isEmpty)
        framer.append("\n".utf8)
        #expect(try lines(of: &framer) == ["rest"])
        #expect(framer.isEmpty)
    }

    @Test func aLineMayBeAsLongAsTheLimitAndNoLonger() throws {
        var framer = LineFramer(limit: 10)
        framer.append("0123456789\n".utf8)
        #expect(try lines(of: &framer) == ["0123456789"])
        framer.append("0123456789a\n".utf8)
        #expect(throws: LineTooLong(limit: 10)) { try framer.nextLine() }
    }

    @Test func anUnfinishedLineBeyondTheLimitIsNotWaitedFor() throws {
        var framer = LineFramer(limit: 10)
        framer.append("0123456789".utf8)
        #expect(try framer.nextLine() == nil)
        framer.append("a".utf8)
        #expect(throws: LineTooLong(limit: 10)) { try framer.nextLine() }
    }

    @Test func longAndShortLinesMayAlternate() throws {
        var framer = LineFramer(limit: 1 << 20)
        for round in 0..<5 {
            let long = String(repeating: "l", count: 200_000 + round)
            framer.append((long + "\nshort\n" + "begin").utf8)
            #expect(try lines(of: &framer) == [long, "short"])
            framer.append("-end\n".utf8)
            #expect(try lines(of: &framer) == ["begin-end"])
        }
    }

    @Test func aStreamOfRandomPiecesComesOutAsItWentIn() throws {
        let sent = (0..<2000).map { String(repeating: "\($0 % 10)", count: .random(in: 0...40)) }
        var stream = Array(sent.joined(separator: "\n").utf8 + [10])[...]
        var framer = LineFramer(limit: 40)
        var found: [String] = []
        while !stream.isEmpty {
            let piece = stream.prefix(.random(in: 1...5000))
            framer.append(piece)
            stream = stream.dropFirst(piece.count)
            if Bool.random() { found += try lines(of: &framer) }
        }
        found += try lines(of: &framer)
        #expect(found == sent)
    }
}
