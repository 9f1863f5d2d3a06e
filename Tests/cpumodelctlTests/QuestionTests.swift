// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The verbs that ask about several CPUs: what the daemon is asked, and what comes out.
@Suite struct QuestionTests {
    /// As little of `cpuid -r` as makes a host.
    private static let dump = """
        CPU 0:
           0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
           0x00000001 0x00: eax=0x00050654 ebx=0x00000000 ecx=0x80000201 edx=0x0f8bfbff

        """

    @Test(
        arguments: [
            (["detect"], "model.detect", "{\"cpu\":{\"host\":\"this\"},\"purpose\":\"guest\"}"),
            (
                ["detect", "vm:web-1", "--purpose", "host"], "model.detect",
                "{\"cpu\":{\"vm\":\"web-1\"},\"purpose\":\"host\"}"
            ),
            (
                ["detect", "this", "--vocabulary", "libvirt"], "model.detect",
                "{\"cpu\":{\"host\":\"this\"},\"purpose\":\"guest\",\"vocabulary\":\"libvirt\"}"
            ),
            (
                ["compare", "EPYC,-svm", "this"], "model.compare",
                "{\"first\":{\"model\":\"EPYC,-svm\"},\"second\":{\"host\":\"this\"}}"
            ),
            (
                ["baseline", "EPYC", "model:this"], "model.baseline",
                "{\"cpus\":[{\"model\":\"EPYC\"},{\"model\":\"this\"}]}"
            ),
            (
                ["baseline", "vm:a", "--mix-vendors", "--all-features"], "model.baseline",
                "{\"cpus\":[{\"vm\":\"a\"}],\"mixVendors\":true,\"migratable\":false}"
            ),
            (
                ["export", "EPYC", "--format", "march"], "model.export",
                "{\"model\":\"EPYC\",\"format\":\"march\"}"
            ),
            (["import"], "model.import", "{\"text\":\"\",\"name\":\"standard input\"}"),
            (
                ["remove", "Mine", "--force", "--digest", "d"], "model.remove",
                "{\"model\":\"Mine\",\"force\":true,\"digest\":\"d\"}"
            ),
        ] as [([String], String, String)])
    func verbsAreMethods(_ arguments: [String], _ method: String, _ parameters: String) throws {
        let run = try run(arguments + ["--json"], answers: [answer("{\"a\":1}")])
        #expect(run.requests == ["{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(method)\",\"params\":\(parameters)}"])
        #expect(run.output == "{\"a\":1}\n")
        #expect(run.status == 0)
    }

    @Test func aFileIsSentAsADump() throws {
        try withFiles(["host.txt": "CPU:\n", "sub/x": ""]) { folder in
            let run = try run(["compare", "\(folder)/host.txt", "EPYC", "--json"], answers: [answer("{}")])
            #expect(run.requests[0].contains("\"first\":{\"dump\":\"CPU:\\n\",\"name\":\"\(folder)/host.txt\"},"))
        }
    }

    @Test func aDirectoryIsEachFileInItInOrderOfName() throws {
        try withFiles(["d/c": "3", "d/a": "1", "d/b": "2", "d/sub/x": "", "e": "4"]) { folder in
            let run = try run(["baseline", "\(folder)/d", "--host", "\(folder)/e", "--json"], answers: [answer("{}")])
            let dumps = ["d/a", "d/b", "d/c", "e"].enumerated().map { position, file in
                "{\"dump\":\"\(position + 1)\",\"name\":\"\(folder)/\(file)\"}"
            }
            #expect(run.requests[0].hasSuffix("\"params\":{\"cpus\":[\(dumps.joined(separator: ","))]}}"))
        }
    }

    @Test func theGuestTheHostsAndWhereItRunsAreSent() throws {
        try withFiles(["d/a": "1", "b": "2"]) { folder in
            let run = try run(
                ["check", "EPYC", "--from", "\(folder)/b", "--host", "\(folder)/d", "this", "--json"],
                answers: [answer("{\"possible\":true}")])
            #expect(
                run.requests[0].hasSuffix(
                    "\"params\":{\"guest\":{\"model\":\"EPYC\"},\"source\":{\"dump\":\"2\",\"name\":\"\(folder)/b\"},"
                        + "\"hosts\":[{\"dump\":\"1\",\"name\":\"\(folder)/d/a\"},{\"host\":\"this\"}]}}"))
        }
    }

    @Test(arguments: [(true, 0), (false, 1)])
    func whatCannotRunIsOne(_ isPossible: Bool, _ status: Int32) throws {
        let result = """
            {"possible":\(isPossible),"hosts":[{"host":"this host","possible":\(isPossible),"reasons":[],"cautions":[]}],\
            "smallestChange":{"sufficient":true,"drop":[],"model":null}}
            """
        for arguments in [["check", "EPYC", "--host", "this"], ["check", "EPYC", "--host", "this", "--json"]] {
            let run = try run(arguments, answers: [answer(result)])
            #expect(run.status == status)
            #expect(run.output.contains(arguments.count == 5 ? result : "this host: \(isPossible ? "yes" : "no")"))
        }
    }

    @Test func severalCPUsHaveALineEach() throws {
        let detection = """
            {"model":"A-v1","expression":"A-v1","reason":"r","added":["nx"],"removed":[],"idle":[],"blocked":[],\
            "candidates":[]}
            """
        let answers = [answer(detection), answer(detection)]
        let lines = try run(["detect", "A", "this"], answers: answers).output.split(separator: "\n")
        #expect(
            lines[1...2].map { $0.split(separator: " ") } == [
                ["A", "A-v1", "1", "0"], ["this", "host", "A-v1", "1", "0"],
            ])
        let json = try run(["detect", "A", "this", "--json"], answers: answers).output
        #expect(json.hasPrefix("{\"detections\":[{\"name\":\"A\",\"model\":\"A-v1\","))
    }

    @Test func anExportIsAloneOnStandardOutput() throws {
        let result = "{\"format\":\"qemu\",\"text\":\"EPYC-v1\",\"inexpressible\":[\"nx\"],\"notes\":[\"Mind.\"]}"
        let run = try run(["export", "EPYC", "--format", "qemu"], answers: [answer(result)])
        #expect(run.output == "EPYC-v1\n")
        #expect(run.error == "cpumodelctl: Mind.\ncpumodelctl: qemu has no name for 1 feature: nx.\n")
    }

    @Test func anImportReadsStandardInput() throws {
        let result = "{\"model\":\"EPYC-v1\",\"optional\":[],\"notes\":[]}"
        let run = try run(["import", "-"], answers: [answer(result)], input: "EPYC,+nx\n")
        #expect(run.requests[0].contains("\"text\":\"EPYC,+nx\\n\""))
        #expect(run.output == "EPYC-v1\n")
        #expect(run.error.isEmpty)
    }

    @Test func aModelIsSentAsItStandsInItsFile() throws {
        try withFiles(["m.cpumodel": "[Model]\nName=é\n"]) { folder in
            let run = try run(
                ["define", "\(folder)/m.cpumodel", "--replace", "--digest", "d"],
                answers: [answer("{\"model\":\"é\",\"digest\":\"e\",\"created\":false}")])
            #expect(
                run.requests[0].hasSuffix(
                    "\"params\":{\"text\":\"[Model]\\nName=é\\n\",\"replace\":true,\"digest\":\"d\"}}"))
            #expect(run.output == "é is replaced.\n  Digest  e\n")
        }
    }

    @Test func ofADumpedHostItsDocumentIsSentAndWhatIsAssumedIsSaid() throws {
        try withFiles(["host.txt": Self.dump]) { folder in
            let run = try run(["expand", "max", "--host", "\(folder)/host.txt", "--json"], answers: [answer("{}")])
            #expect(
                run.requests[0].contains(
                    "\"host\":{\"format\":\"cpumodeld-host-1\",\"vendor\":\"GenuineIntel\","
                        + "\"signature\":{\"family\":6,\"model\":85,\"stepping\":4}"))
            #expect(run.error.hasPrefix("cpumodelctl: \(folder)/host.txt: What KVM offers is estimated"))
        }
    }

    @Test func whatIsAssumedOfDumpedHostsIsSaidOnce() throws {
        try withFiles(["d/a": Self.dump, "d/b": Self.dump]) { folder in
            let run = try run(
                ["check", "EPYC", "--host", "\(folder)/d", "--json"], answers: [answer("{\"possible\":true}")])
            let estimated = run.error.split(separator: "\n").filter { $0.contains("estimated") }
            #expect(estimated.count == 1)
            #expect(estimated.first?.hasPrefix("cpumodelctl: \(folder)/d/a, \(folder)/d/b: ") == true)
        }
    }

    @Test func whatHostPrintedIsSentAsItIs() throws {
        let document = """
            {"format":"cpumodeld-host-1","vendor":"GenuineIntel","signature":{"family":6,"model":85,"stepping":4},\
            "brand":"B","microcode":"0x00000001","kernel":"6.12","module":"kvm_intel","supportedCPUID":\
            [{"leaf":"0x00000000","eax":"0x0000000d","ebx":"0x756e6547","ecx":"0x6c65746e","edx":"0x49656e69"}],\
            "emulatedCPUID":[],"nativeCPUID":[],"featureMSRs":{"0x10a":"0x8"},\
            "capabilities":{"NR_MEMSLOTS":8}}
            """
        try withFiles(["host.json": document]) { folder in
            let run = try run(["compute", "max", "--host", "\(folder)/host.json", "--json"], answers: [answer("{}")])
            #expect(run.requests[0].hasSuffix(",\"host\":\(document)}}"))
            #expect(run.error.isEmpty)
        }
    }

    /// Runs a test beside a folder with these files.
    private func withFiles(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cpumodelctl-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try body(folder.path)
    }
}
