// SPDX-License-Identifier: Apache-2.0

import JSON
import JSONRPC
import Testing

@Suite("Hostile clients")
struct HostileClientTests {
    private static let lines = [
        TestClient.line("echo"), TestClient.line("names", params: #"{"fds":1}"#),
        TestClient.line("names", params: #"{"fds":2}"#), TestClient.line("callBack", params: #"{"timeout":1,"fds":1}"#),
        TestClient.line("slowEcho", params: #"{"ms":1}"#), TestClient.line("nonsense", params: #"{"fds":1}"#),
        "[\(TestClient.line("echo").dropLast()),7]\n", #"{"jsonrpc":"2.0","id":"job-1","result":{}}"# + "\n",
        #"{"jsonrpc":"2.0","method":"names","params":{"fds":1}}"# + "\n", "\n", "[]\n", "{\"fds\":",
    ]

    /// Random pieces of requests, some damaged, with random descriptors at random places.
    @Test(arguments: 1...8)
    func noStreamHarmsTheServer(round: Int) async throws {
        for _ in 0..<40 {
            let (server, client) = try await TestServer.connect()
            let files = MemoryFiles(3)
            do {
                for _ in 0..<Int.random(in: 1...12) {
                    var bytes = Array(Self.lines.randomElement()?.utf8 ?? "".utf8)
                    if Int.random(in: 0..<4) == 0 { bytes[.random(in: 0..<bytes.count)] = .random(in: 0...255) }
                    let descriptors =
                        Int.random(in: 0..<3) == 0 ? files.descriptors.shuffled().prefix(.random(in: 1...3)) : []
                    let cut = Int.random(in: 0..<bytes.count)
                    try client.send(bytes[..<cut])
                    try client.send(bytes[cut...], descriptors: Array(descriptors))
                }
            } catch is TestClient.Silence {
                // The server has closed the connection, as is its right.
            }
            _ = consume client
            try await server.waitForClose()
            try await files.expectNothingLeaked()
        }
        let (_, client) = try await TestServer.connect()
        try client.request("echo")
        #expect(try client.result() == [:])
    }
}
