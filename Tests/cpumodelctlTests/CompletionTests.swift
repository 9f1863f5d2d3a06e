// SPDX-License-Identifier: Apache-2.0

import Testing

/// What the completion scripts of shells call.
@Suite struct CompletionTests {
    private static let models = answer(
        "{\"models\":[{\"name\":\"A-v1\",\"alias\":\"A\"},{\"name\":\"evil\\u001b\",\"alias\":null}]}")

    @Test func modelsAreThoseOfTheDaemon() throws {
        let run = try run(complete("show", "A"), answers: [Self.models])
        #expect(run.output == "A-v1\nA\n")
    }

    @Test func vmsAreThoseOfTheDaemon() throws {
        let run = try run(complete("vm", ""), answers: [answer("{\"vms\":[{\"vm\":\"web-1\"}]}")])
        #expect(run.output == "web-1\n")
    }

    @Test func withoutADaemonNothingIsSaid() throws {
        let run = try run(complete("show", "A"), environment: ["CPUMODELD_SOCKET": "/nonexistent/socket"])
        #expect(run.status == 0)
        #expect(run.output.isEmpty || run.output == "\n")
        #expect(run.error.isEmpty)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func scriptsAreThere(_ shell: String) throws {
        let run = try run(["--generate-completion-script", shell])
        #expect(run.status == 0)
        #expect(run.output.contains("cpumodelctl"))
    }

    /// How the bash script asks for the values of a verb's only argument.
    private func complete(_ verb: String, _ word: String) -> [String] {
        ["---completion", verb, "--", "positional@0", "2", "\(word.count)", "cpumodelctl", verb, word]
    }
}
