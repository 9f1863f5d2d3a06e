// SPDX-License-Identifier: Apache-2.0

import Testing

/// The exit statuses, and what stands on standard output and standard error with each.
@Suite struct ExitStatusTests {
    @Test func anAnswerIsZero() throws {
        let run = try run(["vms"], answers: [answer("{\"vms\":[]}")])
        #expect(run.status == 0)
        #expect(run.output == "No VM is registered.\n")
        #expect(run.error.isEmpty)
    }

    @Test func aRefusalIsOne() throws {
        let error = refusal(-32031, "There is no VM \\\"a\\\".", data: "{\"kind\":\"unknownVM\",\"suggestion\":\"b\"}")
        let run = try run(["vm", "a"], answers: [error])
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.error == "cpumodelctl: There is no VM \"a\".\n  Did you mean b?\n")
    }

    @Test func aHostWithoutKVMIsOne() throws {
        let status = """
            {"version":"1","pid":1,"uptimeSeconds":1,"hostProblem":"no /dev/kvm","host":null,\
            "models":{"count":1,"versions":1,"digest":"d"},"vms":0,"connections":1}
            """
        let run = try run(["status"], answers: [answer(status)])
        #expect(run.status == 1)
        #expect(run.output.contains("cannot be used: no /dev/kvm"))
    }

    @Test(arguments: [["models", "x"], ["models", "--usable"]])
    func noModelIsOne(_ arguments: [String]) throws {
        let run = try run(arguments, answers: [answer("{\"models\":[],\"digest\":\"d\"}")])
        #expect(run.status == 1)
        #expect(run.output.isEmpty)
        #expect(run.error.hasPrefix("cpumodelctl: there is no model"))
    }

    @Test(
        arguments: [
            ["frob"], ["show"], ["--frob"], ["vms", "x"], ["compute", "host", "--topology", "1:2"],
            ["compute", "host", "--vcpus", "3-1"], ["compute", "host", "--unavailable", "maybe"],
            ["compute", "host", "--raw", "--json"], ["expand", "host", "--host", "/nonexistent"],
            ["expand", "host", "--host", "/proc/self/cmdline"], ["expand", "host", "--host", "/"],
            ["compare", "host"], ["compare", "host", "/"], ["compare", "host", "/nonexistent"], ["baseline"],
            ["check", "host"],
            ["check", "host", "--host", "EPYC"], ["check", "host", "--host", "vm:a"], ["export", "host"],
            ["export", "host", "--format", "word"], ["import", "/nonexistent"], ["define", "/bin/sh"],
            ["detect", "--purpose", "fun"], ["detect", "/dev/zero"],
        ])
    func aMistakeIsTwo(_ arguments: [String]) throws {
        let run = try run(arguments)
        #expect(run.status == 2)
        #expect(run.output.isEmpty)
        #expect(run.error.hasPrefix("cpumodelctl: "))
    }

    @Test func aFileThatTheDaemonCannotReadIsTwo() throws {
        let error = refusal(-32004, "host.txt:1:1: no dump.", data: "{\"kind\":\"badDocument\"}")
        let run = try run(["detect", "/dev/null"], answers: [error])
        #expect(run.status == 2)
        #expect(run.error == "cpumodelctl: host.txt:1:1: no dump.\n")
    }

    @Test func moreThanARequestCanHoldIsTwo() throws {
        let error = refusal(-32600, "Too long.", data: "{\"limit\":\"lineBytes\",\"value\":9}")
        let run = try run(["baseline", "/dev/null", "/dev/null"], answers: [error])
        #expect(run.status == 2)
        #expect(run.error == "cpumodelctl: Too long. Ask about fewer or smaller files at a time.\n")
    }

    @Test func aFileThatIsTooLongIsNotSent() throws {
        let run = try run(["detect", "/dev/zero"])
        #expect(run.error == "cpumodelctl: /dev/zero has more than 8 MiB, which no such file needs\n")
    }

    @Test func noDaemonIsThree() throws {
        let run = try run(["status"], environment: ["CPUMODELD_SOCKET": "/nonexistent/socket"])
        #expect(run.status == 3)
        #expect(run.error.hasPrefix("cpumodelctl: there is no socket /nonexistent/socket; is cpumodeld"))
        #expect(run.error.split(separator: "\n").count == 1)
    }

    @Test(
        arguments: [
            "HTTP/1.1 400 Bad Request", answer("7"), answer("{\"vms\":[{}]}"), refusal(-32603, "Oh."),
            refusal(-32601, "What?"), "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}",
        ])
    func nonsenseIsFour(_ line: String) throws {
        let run = try run(["vms"], answers: [line])
        #expect(run.status == 4)
        #expect(run.output.isEmpty)
        #expect(run.error.hasPrefix("cpumodelctl: "))
    }
}
