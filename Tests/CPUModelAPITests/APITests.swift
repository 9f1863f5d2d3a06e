// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSON
import Testing
import X86CPU

struct APITests {
    /// Reads an empty object, and tells which members the decoder asked for before it gave up or was done.
    private func asked<T: JSONReadable>(by type: T.Type, given members: JSONObject) -> [String] {
        var reader = ObjectReader(members, path: "params")
        _ = try? T(reading: &reader)
        return reader.askedKeys.sorted()
    }

    /// Reads parameters whole.
    private func read<T: JSONReadable>(_ type: T.Type, _ members: JSONObject) throws(JSONShapeError) -> T {
        try T(reading: members, path: "params")
    }

    private func described(_ method: CPUModelAPI.Method) -> [String] {
        method.parameters.members.map(\.name).sorted()
    }

    /// A record of a VM holds its options as the request had them.
    @Test func optionsAreWrittenAsTheyAreRead() throws {
        let text = """
            {"physicalAddressBits":40,"physicalAddressLimit":46,"apicIds":[0,2],"caches":"host","pmu":true,\
            "tscKHz":2100000,"level":"0x1f","extendedLevel":"0x80000008","extendedTopology":true,"kvm":false,\
            "hyperV":["relaxed","time"],"enclavePageCache":[{"address":"0x180000000","size":"0x8000000"}]}
            """
        for text in [text, "{}"] {
            let options = try GuestCPU.Options(reading: JSONValue(parsing: Array(text.utf8)), path: "options")
            var writer = JSONWriter()
            options.write(to: &writer)
            #expect(String(decoding: writer.take(), as: UTF8.self) == text)
        }
    }

    /// The document describes what the decoders read, neither more nor less.
    @Test func parametersAreDescribedAsTheyAreRead() {
        let apply: JSONObject = ["fds": 1, "name": "vm", "model": "host"]
        #expect(asked(by: ApplyParameters.self, given: apply) == described(.applyVM))
        let model: JSONObject = ["model": "host"]
        #expect(asked(by: ComputeParameters.self, given: model) == described(.computeTable))
        #expect(asked(by: ExpandParameters.self, given: model) == described(.expandModel))
        #expect(asked(by: ShowParameters.self, given: model) == described(.showModel))
        #expect(asked(by: ListParameters.self, given: [:]) == described(.listModels))
        #expect(asked(by: ShowVMParameters.self, given: ["vm": "x"]) == described(.showVM))
        #expect(asked(by: ForgetParameters.self, given: ["vm": "x"]) == described(.forgetVM))
        let reference: JSONValue = ["model": "host"]
        #expect(asked(by: DetectParameters.self, given: ["cpu": reference]) == described(.detectModel))
        #expect(
            asked(by: CompareParameters.self, given: ["first": reference, "second": reference])
                == described(.compareModels))
        #expect(asked(by: BaselineParameters.self, given: ["cpus": [reference]]) == described(.baselineModels))
        #expect(
            asked(by: CheckMigrationParameters.self, given: ["guest": reference, "hosts": [reference]])
                == described(.checkMigration))
        #expect(asked(by: ExportParameters.self, given: ["model": "x", "format": "qemu"]) == described(.exportModel))
        #expect(asked(by: DefineParameters.self, given: ["text": "x"]) == described(.defineModel))
        #expect(asked(by: RemoveParameters.self, given: ["model": "x"]) == described(.removeModel))
        #expect(asked(by: ImportParameters.self, given: ["text": "x"]) == described(.importModel))
        #expect(asked(by: CapsParameters.self, given: ["vm": "x"]) == described(.vmCaps))
        #expect(asked(by: VerifyParameters.self, given: ["vm": "x"]) == described(.verifyVM))
        #expect(asked(by: WatchParameters.self, given: [:]) == described(.watchVMs))
        #expect(asked(by: StatusParameters.self, given: [:]) == described(.status))
        #expect(asked(by: ListVMsParameters.self, given: [:]) == described(.listVMs))
        for method in [CPUModelAPI.Method.discover, .describeHost] {
            #expect(described(method).isEmpty)
        }
    }

    @Test func requiredMembersAreRequired() {
        #expect(throws: JSONShapeError.self) { try read(ApplyParameters.self, ["fds": 1, "name": "x"]) }
        #expect(throws: JSONShapeError.self) { try ForgetParameters(reading: JSONObject(), path: "params") }
    }

    @Test func theDocumentIsJSONAndNamesEveryMethodOnce() throws {
        let document = try JSONValue(parsing: Discovery(version: "1").jsonBytes())
        let names = try #require(document["methods"]?.arrayValue).compactMap { $0["name"]?.stringValue }
        #expect(names == CPUModelAPI.Method.all.map(\.name))
        #expect(Set(names).count == names.count)
        #expect(document["openrpc"]?.stringValue == "1.3.2")
    }

    @Test func errorCodesAreDistinctAndInTheirRange() {
        let codes = APIError.Kind.allCases.map(\.code)
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { -32099 ... -32000 ~= $0 })
    }

    @Test(arguments: ["", "-x", ".x", "a b", "a/b", "ä", "x\n", String(repeating: "x", count: 65)])
    func namesThatCannotNameAVM(name: String) {
        #expect(throws: JSONShapeError.self) {
            try read(ApplyParameters.self, ["fds": 1, "name": .string(name), "model": "host"])
        }
    }

    @Test(arguments: ["a", "web-1", "a.b_c:d@e", "7", String(repeating: "x", count: 64)])
    func namesThatCan(name: String) throws {
        let parameters = try read(ApplyParameters.self, ["fds": 1, "name": .string(name), "model": "host"])
        #expect(parameters.name == name)
        #expect(parameters.altered == .fail)
        #expect(parameters.guest.unavailable == .fail)
    }

    @Test func oneVMIsVerifiedOrAllAre() throws {
        func read(_ members: JSONObject) throws -> VerifyParameters { try self.read(VerifyParameters.self, members) }
        #expect(try read(["vm": "x"]).subject == .vm("x"))
        #expect(try read(["vm": "x"]).deadlineMs == 500)
        #expect(try read(["all": true]).subject == .all)
        #expect(try read(["all": true]).deadlineMs == 5000)
        for bad: JSONObject in [[:], ["all": false], ["vm": "x", "all": true], ["vm": "x", "deadlineMs": 0]] {
            #expect(throws: JSONShapeError.self) { try read(bad) }
        }
    }

    @Test func topologyIsReadAndChecked() throws {
        let topology = try read(TopologyParameters.self, ["sockets": 2, "cores": 3]).topology
        #expect(topology == (try Topology(sockets: 2, cores: 3)))
        for bad: JSONObject in [["cores": 0], ["cores": 5000], ["cores": "2"], ["core": 2]] {
            #expect(throws: JSONShapeError.self) { try read(TopologyParameters.self, bad) }
        }
        let error = try #require(throws: JSONShapeError.self) {
            try read(TopologyParameters.self, ["cores": 4096, "threads": 2])
        }
        #expect(error.description.contains("4096"))
    }

    @Test func addressBitsAreAWordOrANumber() throws {
        func bits(_ value: JSONValue) throws -> UInt8? {
            try read(ComputeParameters.self, ["model": "host", "physicalAddressBits": value]).guest.options
                .physicalAddressBits
        }
        #expect(try bits("host") == nil)
        #expect(try bits(46) == 46)
        for bad: JSONValue in ["46", 31, 53, 46.5] { #expect(throws: JSONShapeError.self) { try bits(bad) } }
    }

    @Test func aHostDocumentComesBackEqual() throws {
        let signature = try #require(CPUSignature(family: 25, model: 1, stepping: 1))
        let host = HostCPU(
            identity: .init(
                vendor: .amd, signature: signature, brand: "AMD EPYC", microcode: 0xA00_1011, kernel: "6.12.1",
                module: "kvm_amd"),
            supported: CPUIDTable([
                CPUIDEntry(0, eax: 0x10, ebx: CPUVendor.amd.ebx, ecx: CPUVendor.amd.ecx, edx: CPUVendor.amd.edx),
                CPUIDEntry(7, .exact(0), ebx: 0x20),
            ]), emulated: CPUIDTable([CPUIDEntry(1, ecx: 1 << 22)]), native: CPUIDTable([CPUIDEntry(0, eax: 0x10)]),
            featureMSRs: [0x8B: 0x1_0000_0000, 0xC001_1029: 2], capabilities: ["MAX_VCPUS": 1024])
        let value = try JSONValue(parsing: HostDocument(host).jsonBytes())
        #expect(try HostDocument(reading: value, path: "host").host == host)
        #expect(CPUModelAPI.Method.describeHost.result.mismatch(value) == nil)
    }

    @Test func schemasFindWhatDoesNotFit() throws {
        let schema = CPUModelAPI.Method.forgetVM.result
        #expect(schema.mismatch(["forgotten": "x"]) == nil)
        #expect(schema.mismatch(["forgotten": 1]) != nil)
        #expect(schema.mismatch([:]) == "result.forgotten is missing")
        #expect(schema.mismatch(["forgotten": "x", "y": 1]) == "result.y is not described")
    }
}
