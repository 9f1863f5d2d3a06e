// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Testing

@testable import CPUModelClient

@Suite struct LineConnectionTests {
    private let deadline = Deadline(after: .seconds(120))

    @Test func linesMayComeByteByByteAndGluedTogether() throws {
        // Each read of such a socket returns what one write wrote.
        var ends: [CInt] = [-1, -1]
        try #require(unsafe socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        defer { close(ends[1]) }
        for piece in ["o", "n", "e", "\ntwo\nth", "ree", "\n"] {
            let bytes = Array(piece.utf8)
            #expect(unsafe write(ends[1], bytes, bytes.count) == bytes.count)
        }
        var connection = LineConnection(adopting: ends[0], path: "/pair")
        for line in ["one", "two", "three"] {
            #expect(try connection.receive(by: deadline) == Array(line.utf8))
        }
    }

    @Test(arguments: [LineConnection.maximumLine, LineConnection.maximumLine + (1 << 17)])
    func linesMayBeLargeButNotWithoutLimit(_ size: Int) throws {
        let memory = unsafe clinux_memfd_create("line", UInt64(size))
        try #require(memory >= 0)
        // The file is zeros; reading goes on at its start after the line feed is written at its end.
        #expect(unsafe pwrite(memory, "\n", 1, off_t(size)) == 1)
        var connection = LineConnection(adopting: memory, path: "/memory")
        let line = try connection.receive(by: deadline)
        #expect(line?.count == (size <= LineConnection.maximumLine ? size : nil))
    }
}
