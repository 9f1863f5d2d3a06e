// SPDX-License-Identifier: Apache-2.0

import Testing

/// What the command line comes to: requests, and the form of the output.
@Suite struct CommandLineTests {
    @Test(
        arguments: [
            (["status"], "daemon.status", nil),
            (["host"], "host.describe", nil),
            (["models"], "model.list", nil),
            (["models", "--usable"], "model.list", "{\"usable\":true}"),
            (["show", "EPYC"], "model.show", "{\"model\":\"EPYC\"}"),
            (["expand", "host,-svm"], "model.expand", "{\"model\":\"host,-svm\"}"),
            (["compute", "max"], "table.compute", "{\"model\":\"max\",\"unavailable\":\"fail\"}"),
            (
                [
                    "compute", "max", "--topology", "2:1:1:4:2", "--vcpus", "0-1,7", "--unavailable", "drop",
                ], "table.compute",
                "{\"model\":\"max\",\"unavailable\":\"drop\",\"topology\":{\"sockets\":2,\"dies\":1,\"modules\":1,"
                    + "\"cores\":4,\"threads\":2},\"vcpus\":[0,1,7]}"
            ),
            (
                [
                    "compute", "max", "--physical-address-bits", "40", "--physical-address-limit", "46", "--apic-ids",
                    "0,4-5", "--caches", "none", "--pmu", "--tsc-khz", "2100000", "--level", "0x1f",
                    "--extended-level", "80000008", "--extended-topology", "--no-kvm", "--hyper-v", "relaxed,time",
                    "--enclave-page-cache", "0x180000000:8000000",
                ], "table.compute",
                "{\"model\":\"max\",\"unavailable\":\"fail\",\"physicalAddressBits\":40,\"physicalAddressLimit\":46,"
                    + "\"apicIds\":[0,4,5],\"caches\":\"none\",\"pmu\":true,\"tscKHz\":2100000,\"level\":\"0x1f\","
                    + "\"extendedLevel\":\"0x80000008\",\"extendedTopology\":true,\"kvm\":false,"
                    + "\"hyperV\":[\"relaxed\",\"time\"],"
                    + "\"enclavePageCache\":[{\"address\":\"0x180000000\",\"size\":\"0x8000000\"}]}"
            ),
            (["vms"], "vm.list", nil),
            (["vm", "a"], "vm.show", "{\"vm\":\"a\"}"),
            (["forget", "a"], "vm.forget", "{\"vm\":\"a\"}"),
        ] as [([String], String, String?)])
    func verbsAreMethods(_ arguments: [String], _ method: String, _ parameters: String?) throws {
        let run = try run(arguments + ["--json"], answers: [answer("{\"a\":1}")])
        let members = parameters.map { ",\"params\":\($0)" } ?? ""
        #expect(run.requests == ["{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(method)\"\(members)}"])
        #expect(run.output == "{\"a\":1}\n")
        #expect(run.status == 0)
    }

    @Test func globalOptionsMayStandBeforeTheVerb() throws {
        let run = try run(["--json", "vms"], answers: [answer("{\"vms\":[]}")])
        #expect(run.output == "{\"vms\":[]}\n")
    }

    @Test func aSocketOnTheCommandLineWins() throws {
        let run = try run(["vms", "--socket", "/nonexistent/other"])
        #expect(run.status == 3)
        #expect(run.error.contains("/nonexistent/other"))
    }

    @Test func aPatternSiftsWhatProgramsGetToo() throws {
        let models =
            "{\"models\":[{\"name\":\"A-v1\"},{\"name\":\"B-v1\",\"alias\":\"xAx\"},{\"name\":\"C-v1\"}],\"digest\":\"d\"}"
        let run = try run(["models", "a", "--json"], answers: [answer(models)])
        #expect(
            run.output == "{\"models\":[{\"name\":\"A-v1\"},{\"name\":\"B-v1\",\"alias\":\"xAx\"}],\"digest\":\"d\"}\n")
    }

    @Test func theWidthIsThatOfCOLUMNS() throws {
        let vms = "{\"forgotten\":\"\(String(repeating: "w", count: 64))\"}"
        let narrow = try run(["forget", "w"], answers: [answer(vms)], environment: ["COLUMNS": "60"])
        let wide = try run(["forget", "w"], answers: [answer(vms)], environment: ["COLUMNS": "200"])
        #expect(narrow.output.split(separator: "\n").count == 3)
        #expect(wide.output.split(separator: "\n").count == 1)
    }

    @Test func helpTellsTheExitStatuses() throws {
        let run = try run(["--help"])
        #expect(run.status == 0)
        #expect(run.output.contains("\n  3  the daemon cannot be reached"))
    }

    @Test func theVersionHasTheProgramsName() throws {
        let run = try run(["--version"])
        #expect(run.status == 0)
        #expect(run.output.hasPrefix("cpumodelctl "))
    }
}
