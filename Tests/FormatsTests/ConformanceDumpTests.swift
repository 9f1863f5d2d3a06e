// SPDX-License-Identifier: Apache-2.0

import ConformanceSupport
import Formats
import JSON
import Testing
import X86CPU

/// Dumps of the conformance data beside libcpuid's.
@Suite(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
struct ConformanceDumpTests {
    private static func dump(_ path: String) throws -> CPUDump {
        try CPUDump.read(Conformance.bytes("\(Conformance.directory)/\(path)"), name: path)
    }

    @Test func everyCpudataHasTheRowsOfItsJSON() throws {
        var right = 0
        let hosts = Conformance.files(in: "libvirt-cputestdata", ending: ".json").filter { $0 != "cases.json" }
        for file in hosts {
            let document = try Conformance.json("libvirt-cputestdata/\(file)")
            let name = file.dropLast(5)
            let dump = try Self.dump("libvirt-cputestdata/raw/x86_64-cpuid-\(name).xml")
            var rows = 0
            var isRight = true
            for row in document["cpuid"]?.arrayValue ?? [] {
                let leaf = try number(row["leaf"])
                let subleaf = UInt32(try #require(row["subleaf"]?.intValue))
                // Rows beyond the highest leaf are not part of the table.
                guard let entry = dump.table[leaf, subleaf] else {
                    isRight = isRight && isBeyond(leaf, dump.table)
                    continue
                }
                rows += 1
                for register in CPUIDRegister.allCases where entry[register] != (try number(row[register.description]))
                {
                    isRight = false
                }
            }
            isRight = isRight && rows == dump.table.entries.count
            for (index, value) in document["msr"]?.objectValue ?? JSONObject() {
                let (key, wanted) = (try number(.string(index)), try number64(value))
                isRight = isRight && dump.msrs[key] == wanted
            }
            let signature = document["signature"]
            isRight = isRight && Int64(dump.signature.family) == signature?["family"]?.intValue
            isRight = isRight && Int64(dump.signature.model) == signature?["model"]?.intValue
            if isRight { right += 1 } else { Issue.record("\(file) differs") }
        }
        print("libvirt-cputestdata: \(right) of \(hosts.count) cpudata documents equal their JSON")
        #expect(right == 31)
    }

    @Test func everyCpudataOfTheDataIsRead() throws {
        let files = Conformance.files(in: "libvirt-cputestdata/raw", ending: ".xml")
        var count = 0
        for file in files {
            let bytes = try Conformance.bytes("\(Conformance.directory)/libvirt-cputestdata/raw/\(file)")
            guard String(decoding: bytes, as: UTF8.self).contains("<cpudata") else { continue }
            let dump = try CPUDump.read(bytes, name: file)
            #expect(dump.format == .cpudata)
            count += 1
        }
        #expect(count == 81)
    }

    @Test func fingerprintsAreGuestsOfTheirHosts() throws {
        let files = Conformance.files(in: "firecracker/fingerprints", ending: ".json")
        var loaded = 0
        for file in files {
            let dump = try Self.dump("firecracker/fingerprints/\(file)")
            let host = try dump.hostCPU()
            #expect(dump.format == .fingerprint && dump.subject == .guest)
            #expect(host.isEstimated && !host.host.identity.kernel.isEmpty && host.host.identity.microcode != 0)
            #expect((host.host.identity.vendor == .amd) == file.contains("AMD"))
            #expect(try #require(PSABILevel(dump.features)) == .v4)
            loaded += 1
        }
        print("firecracker: \(loaded) of \(files.count) fingerprints load")
        #expect(loaded == 9)
    }

    @Test func kvmAnswersAreTheHostItself() throws {
        for folder in ["kvm-hosts", "qemu-tables/hosts"] {
            for file in Conformance.files(in: folder, ending: ".json") {
                let dumped = try Self.dump("\(folder)/\(file)").hostCPU()
                let direct = try HostCPU(kvmHost: Conformance.json("\(folder)/\(file)"))
                #expect(!dumped.isEstimated)
                #expect(dumped.host.supported == direct.supported && dumped.host.native == direct.native)
                #expect(dumped.host.featureMSRs == direct.featureMSRs && dumped.host.grantable == direct.grantable)
            }
        }
    }

    /// What is worked out from a host's own CPUID must not promise what its KVM denies.
    ///
    /// Of Bochs' hosts none is in it: its VMX lacks controls that every real CPU with the features has.
    @Test func theEstimateNeverPromisesMoreThanKVMGave() throws {
        for file in ["epyc-milan.json", "epyc.json", "dhyana.json", "k612-epyc-rome.json"] {
            let real = try HostCPU(kvmHost: Conformance.json("kvm-hosts/\(file)"))
            let text = Self.cpuidText(real.native)
            let estimate = try CPUDump.read(Array(text.utf8), name: file).hostCPU()
            #expect(estimate.isEstimated)
            let surplus = estimate.host.grantable.subtracting(real.grantable)
            print("\(file): the estimate has \(estimate.host.grantable.count) features, KVM \(real.grantable.count)")
            let names = surplus.map { FeatureRegistry.shared.name(of: $0) }
            #expect(names.isEmpty, "\(file): \(names)")
        }
    }

    private static func cpuidText(_ table: CPUIDTable) -> String {
        func hex(_ value: UInt32) -> String {
            let digits = String(value, radix: 16)
            return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
        }
        let rows = table.entries.map { entry in
            let registers = CPUIDRegister.allCases.map { "\($0)=\(hex(entry[$0]))" }.joined(separator: " ")
            return "   \(hex(entry.leaf)) 0x\(String(entry.subleaf.index, radix: 16)): \(registers)"
        }
        return (["CPU 0:"] + rows).joined(separator: "\n")
    }

    private func isBeyond(_ leaf: UInt32, _ table: CPUIDTable) -> Bool {
        let range = leaf & 0xFFFF_0000
        return table[range].map { leaf > $0.eax } ?? true
    }

    private func number(_ value: JSONValue?) throws -> UInt32 { UInt32(try number64(value)) }

    private func number64(_ value: JSONValue?) throws -> UInt64 {
        let text = try #require(value?.stringValue)
        return try #require(UInt64(text.dropFirst(2), radix: 16))
    }
}
