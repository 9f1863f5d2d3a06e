// SPDX-License-Identifier: Apache-2.0

import JSON
import Reactor

@testable import JSONRPC

/// Has a connection serve a client that sends whatever comes, twice.
///
/// First as it stands: no descriptor may be lost, used twice, or given to a request out of turn. Then as an honest client would
/// send the same lines, each with the descriptors that it declares: a request must get its own and no others, however the
/// stream was cut.
@ReactorActor
func checkConnection(_ bytes: [UInt8]) {
    let script = ClientScript(bytes)
    let hostile = Conversation(script.pieces)
    precondition(hostile.isInOrder, "descriptors came to requests out of turn")

    let lines = HonestLines(script.text, limits: Conversation.limits)
    let whole = Conversation(lines.whole)
    let cut = Conversation(lines.cut(by: script))
    precondition(whole.served.starts(with: cut.served), "a request was served differently")
    // A line that does not say how many descriptors are its own ends the connection when there are any: whether those of
    // the next line are there already, nobody can know.
    if lines.allDeclare || !cut.isFaulty {
        precondition(whole.served == cut.served, "requests were served that were not before")
        precondition(whole.answers == cut.answers, "the answers depend on how the stream was cut")
    }
}

/// What a client sends in one call.
struct ClientPiece {
    var bytes: [UInt8] = []
    var descriptorCount = 0
    /// Whether the server reads before more is sent.
    var isReadAtOnce = false
}

/// The fuzzer's bytes as a client's doings. Three bytes that no text has steer them: 0xFF cuts, 0xFE cuts and lets the server
/// read, and 0xFD cuts and has a descriptor come with the byte behind it.
struct ClientScript {
    private(set) var pieces: [ClientPiece] = []
    /// All that is sent.
    private(set) var text: [UInt8] = []
    /// Where it is cut, and whether the server reads there.
    private(set) var cuts: [Int: Bool] = [:]
    /// A number that goes with the script.
    let seed: Int

    /// A process may have a thousand open files, and a descriptor here is a pipe.
    static let mostDescriptors = 256

    init(_ bytes: [UInt8]) {
        var descriptorCount = 0
        seed = bytes.reduce(bytes.count) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
        var piece = ClientPiece()
        for byte in bytes {
            guard byte >= 0xFD else {
                piece.bytes.append(byte)
                text.append(byte)
                continue
            }
            cuts[text.count] = cuts[text.count] ?? false || byte == 0xFE
            if !piece.bytes.isEmpty {
                piece.isReadAtOnce = byte == 0xFE
                pieces.append(piece)
                piece = ClientPiece()
            }
            if byte == 0xFD, piece.descriptorCount < 20, descriptorCount < Self.mostDescriptors {
                piece.descriptorCount += 1
                descriptorCount += 1
            }
        }
        if !piece.bytes.isEmpty { pieces.append(piece) }
    }
}

/// Lines, and how many descriptors each declares.
struct HonestLines {
    private let lines: [(bytes: [UInt8], count: Int)]
    /// Whether every line says how many descriptors are its own.
    let allDeclare: Bool

    private static let most = 8

    init(_ text: [UInt8], limits: ConnectionLimits) {
        var lines: [(bytes: [UInt8], count: Int)] = []
        var allDeclare = true
        var sum = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let count = line.isEmpty ? 0 : Self.declaredCount(line, limits)
            if count == nil { allDeclare = false }
            sum += count ?? 0
            if sum > ClientScript.mostDescriptors { break }
            lines.append((line + [UInt8(ascii: "\n")], count ?? 0))
        }
        // Nothing ends the last line.
        if let last = lines.popLast(), last.bytes.count > 1 {
            lines.append((bytes: Array(last.bytes.dropLast()), count: 0))
        }
        self.lines = lines
        self.allDeclare = allDeclare
    }

    private static func declaredCount(_ line: ArraySlice<UInt8>, _ limits: ConnectionLimits) -> Int? {
        guard let value = try? JSONValue(parsing: line, limits: limits.json) else { return nil }
        var sum = 0
        for message in value.arrayValue ?? [value] {
            guard let object = message.objectValue else { continue }
            guard let count = Message.declaredDescriptors(of: object), count <= most else { return nil }
            sum += count
        }
        return sum <= most ? sum : nil
    }

    /// A line at a time, its descriptors first, and the server reads each before the next.
    var whole: [ClientPiece] {
        lines.map { ClientPiece(bytes: $0.bytes, descriptorCount: $0.count, isReadAtOnce: true) }
    }

    /// Cut as a script says, the descriptors at some bytes of their lines.
    func cut(by script: ClientScript) -> [ClientPiece] {
        var descriptors: [Int: Int] = [:]
        var start = 0
        for line in lines {
            let first = line.count / 2
            descriptors[start + script.seed % line.bytes.count, default: 0] += first
            descriptors[start + script.seed / 7 % line.bytes.count, default: 0] += line.count - first
            start += line.bytes.count
        }
        var pieces: [ClientPiece] = []
        var piece = ClientPiece()
        for (position, byte) in lines.flatMap(\.bytes).enumerated() {
            let count = descriptors[position, default: 0]
            if !piece.bytes.isEmpty, count > 0 || script.cuts[position] != nil {
                piece.isReadAtOnce = script.cuts[position] ?? false
                pieces.append(piece)
                piece = ClientPiece()
            }
            if piece.bytes.isEmpty { piece.descriptorCount = count }
            piece.bytes.append(byte)
        }
        if !piece.bytes.isEmpty { pieces.append(piece) }
        return pieces
    }
}
