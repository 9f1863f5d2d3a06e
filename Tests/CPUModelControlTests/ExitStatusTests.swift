// SPDX-License-Identifier: Apache-2.0

import CPUModelClient
import Testing

@testable import CPUModelControl

@Suite struct ExitStatusTests {
    @Test(
        arguments: [
            (-32001, .no), (-32004, .usage), (-32010, .no), (-32602, .no), (-32603, .protocolFault),
            (-32601, .protocolFault),
            (-32700, .protocolFault),
        ] as [(Int64, CPUModelControl.ExitStatus)])
    func errorsOfTheDaemon(_ code: Int64, _ status: CPUModelControl.ExitStatus) {
        #expect(CPUModelControl.ExitStatus(.daemon(DaemonError(code: code, message: "m"))) == status)
    }

    @Test func helpFitsATerminal() {
        #expect(CPUModelControl.ExitStatus.help.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
}
