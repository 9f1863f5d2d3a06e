// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import Testing
import X86CPU

@Suite struct LibvirtTests {
    private func read(_ text: String) throws -> LibvirtCPU { try LibvirtCPU.read(Array(text.utf8), name: "x") }

    @Test func theListOfModelsIsWhole() {
        #expect(LibvirtModels.shared.problems.isEmpty)
        #expect(LibvirtModels.shared.all.count == 61)
        #expect(LibvirtModels.shared["Haswell-noTSX"]?.vendor == .intel)
    }

    @Test func policiesBecomeChanges() throws {
        let cpu = try read(
            """
            <domain type='kvm'><cpu mode='custom' match='exact' check='partial'>
              <model fallback='allow'>EPYC</model><vendor>AMD</vendor><maxphysaddr mode='emulate' bits='46'/>
              <feature policy='require' name='invtsc'/><feature policy='force' name='x2apic'/>
              <feature policy='optional' name='vaes'/><feature policy='disable' name='sse4a'/>
              <feature policy='forbid' name='svm'/>
            </cpu></domain>
            """)
        let imported = try cpu.imported(into: Conformance.catalog(), name: "x")
        #expect(imported.expression.description == "EPYC,+x2apic,+invtsc,-svm,-sse4a")
        #expect(imported.optional.map { FeatureRegistry.shared.name(of: $0) } == ["vaes"])
        #expect(imported.physicalAddressBits == 46)
        #expect(imported.notes.contains("x2apic: forced on the guest there; here it must be on the host."))
    }

    @Test(arguments: [
        (
            "<cpu><model>EPYC</model><feature name='vpclmutqdq'/></cpu>",
            "x:1:25: \"vpclmutqdq\" is no feature; did you mean \"vpclmulqdq\"?"
        ),
        (
            "<cpu><model>EPYC</model><feature name='svm'/><feature name='svm'/></cpu>",
            "x:1:46: the feature \"svm\" is there already"
        ),
        (
            "<cpu mode='costum'/>",
            "x:1:6: \"mode\" must be one of \"custom\", \"host-model\", \"host-passthrough\", \"maximum\", not \"costum\""
        ),
        ("<cpu><arch>s390x</arch></cpu>", "x:1:1: the CPU is of the architecture \"s390x\", not x86"),
        ("<domain><name>a</name></domain>", "x:1:1: there is no \"cpu\" in \"domain\" that tells a CPU"),
        ("<cpu><feature name='svm'/></cpu>", "x:1:1: the CPU has features and no model"),
    ])
    func wrongElementsAreToldWithTheirPlace(_ text: String, _ message: String) {
        #expect { try read(text) } throws: { "\($0)" == message }
    }

    @Test func aModelThatNobodyHasIsAnError() throws {
        let cpu = try read("<cpu><model>EPYC-Millan</model></cpu>")
        let catalog = try Conformance.catalog()
        #expect { try cpu.imported(into: catalog, name: "x") } throws: {
            "\($0)" == "x: there is no model \"EPYC-Millan\"; did you mean \"EPYC-Milan\"?"
        }
    }

    /// libvirt's own results of decoding 31 hosts: with its definitions, they are the bits of the host again.
    @Test(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
    func libvirtsDescriptionsOfHostsAreTheHosts() throws {
        let hosts = Conformance.files(in: "libvirt-cputestdata", ending: ".json").filter { $0 != "cases.json" }
        let nameable = FeatureSet(
            FeatureRegistry.shared.all.filter { $0.name(in: .libvirt) != nil }.map(\.feature))
        let tsx = FeatureSet(["hle", "rtm"].compactMap { FeatureRegistry.shared.feature(named: $0) })
        var right = 0
        for file in hosts {
            let path = "\(Conformance.directory)/libvirt-cputestdata/raw/x86_64-cpuid-\(file.dropLast(5))"
            let dump = try CPUDump.read(Conformance.bytes("\(path).xml"), name: file)
            // Haswell's TSX is broken, and libvirt leaves it out.
            let isBroken =
                dump.vendor == .intel && dump.signature.family == 6 && [60, 63, 69, 70].contains(dump.signature.model)
            var wanted = dump.features.intersection(nameable)
            if isBroken, !(dump.signature.model == 63 && dump.signature.stepping >= 4) {
                wanted = wanted.subtracting(tsx)
            }
            var isRight = true
            for ending in ["-host", "-guest"] {
                let cpu = try LibvirtCPU.read(Conformance.bytes("\(path)\(ending).xml"), name: file + ending)
                // A guest lacks what QEMU's copy of the model could not have there, although the CPU has it.
                let found = try #require(cpu.featuresByLibvirt).union(cpu.disabled.intersection(wanted))
                if found != wanted {
                    isRight = false
                    let wrong = found.subtracting(wanted).union(wanted.subtracting(found))
                    Issue.record("\(file)\(ending): \(wrong.map { FeatureRegistry.shared.name(of: $0) })")
                }
            }
            if isRight { right += 1 }
        }
        print("libvirt-cputestdata: \(right) of \(hosts.count) hosts are told by libvirt's elements, bit for bit")
        #expect(right == 31)
    }

    @Test(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
    func everyElementOfTheDataIsRead() throws {
        let broken = ["x86_64-bogus-feature.xml", "x86_64-host-incomp-arch.xml"]
        var count = 0
        for file in Conformance.files(in: "libvirt-cputestdata/raw", ending: ".xml") where !broken.contains(file) {
            let bytes = try Conformance.bytes("\(Conformance.directory)/libvirt-cputestdata/raw/\(file)")
            guard !String(decoding: bytes, as: UTF8.self).contains("<cpudata") else { continue }
            #expect(!(try LibvirtCPU.readAll(bytes, name: file)).isEmpty)
            count += 1
        }
        #expect(count > 100)
    }

    @Test(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
    func domainCapabilitiesTellTheHostModel() throws {
        let bytes = try Conformance.bytes("\(Conformance.directory)/kubevirt/virsh_domcapabilities.xml")
        let cpu = try LibvirtCPU.read(bytes, name: "domcapabilities")
        #expect(cpu.model == "Skylake-Client-IBRS" && cpu.isHostDescription)
        #expect(cpu.required.map { FeatureRegistry.shared.name(of: $0) } == ["ds", "acpi", "ss"])
        for file in Conformance.files(in: "kubevirt", ending: ".xml") {
            let bytes = try Conformance.bytes("\(Conformance.directory)/kubevirt/\(file)")
            #expect(throws: Never.self) { try LibvirtCPU.readAll(bytes, name: file) }
        }
    }
}
