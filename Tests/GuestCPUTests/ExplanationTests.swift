// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import GuestCPU
import Testing
import X86CPU

struct ExplanationTests {
    private static let text = """
        [Model]
        Name=Small
        Vendor=GenuineIntel
        Family=6
        Model=106
        Stepping=0
        Level=13
        ExtendedLevel=0x80000008
        Description=A small CPU
        Features=fpu tsc msr pae cx8 apic cmov fxsr sse sse2 lm nx syscall xsave avx avx2 svm
        [Version]
        Number=2
        Add=erms
        Remove=avx2
        [Version]
        Number=3
        Add=smep smap

        """

    private static func catalog() throws -> ModelCatalog {
        try ModelCatalog(files: [("Small.cpumodel", Array(text.utf8))])
    }

    private static func explain(
        _ expression: String, without missing: FeatureSet = [], topology: Topology? = nil, vcpu: Int = 0,
        held: ((CPUIDTable) -> CPUIDTable)? = nil
    ) throws -> GuestExplanation {
        let (catalog, host) = (try catalog(), TestHosts.generous(.intel, without: missing))
        let model = try catalog.expand(ModelExpression(parsing: expression), on: host)
        let guest = try GuestCPU(model: model, host: host, topology: topology ?? Topology())
        return GuestExplanation(
            of: guest, vcpu: vcpu, history: catalog.model(named: model.name)?.versions ?? [],
            held: held?(guest.table(ofVCPU: vcpu)))
    }

    private static func decision(_ feature: Feature, in explanation: GuestExplanation) throws -> Decision {
        guard case .cpuid(let leaf, let subleaf, let register) = feature.word.position else {
            throw CancellationError()
        }
        let found = try #require(
            explanation.registers.first {
                $0.leaf == leaf && ($0.subleaf ?? 0) == subleaf.index && $0.register == register
            })
        return try #require(found.fields.first { $0.bits.contains(feature.bit) }?.decision)
    }

    @Test func theModelAndItsVersion() throws {
        let third = try Self.explain("Small-v3")
        let smep = try #require(FeatureRegistry.shared.feature(named: "smep"))
        let erms = try #require(FeatureRegistry.shared.feature(named: "erms"))
        #expect(try Self.decision(smep, in: third) == Decision(.model, "Small has it since version 3"))
        #expect(try Self.decision(erms, in: third) == Decision(.model, "Small has it since version 2"))
        #expect(try Self.decision(.avx, in: third) == Decision(.model, "Small has it"))
        #expect(try Self.decision(.avx2, in: third) == Decision(.model, "Small does not have it since version 2"))
        #expect(try Self.decision(.fma, in: third) == Decision(.model, "Small does not have it"))
    }

    @Test func theOwnerAndWhatFollows() throws {
        let explanation = try Self.explain("Small-v3,-xsave,+rdtscp")
        #expect(try Self.decision(.xsave, in: explanation).decider == .owner)
        #expect(
            try Self.decision(.avx, in: explanation)
                == Decision(.dependency, "it needs xsave, which the expression takes away"))
        #expect(try Self.decision(.rdtscp, in: explanation) == Decision(.owner, "the expression asks for it"))
    }

    @Test func theHost() throws {
        let explanation = try Self.explain("Small", without: [.nx])
        #expect(try Self.decision(.nx, in: explanation).decider == .host)
        let chain = try Self.explain("Small,-avx,+fma")
        #expect(
            try Self.decision(.fma, in: chain) == Decision(.dependency, "it needs avx, which the guest does not have"))
    }

    @Test func theHypervisorTheTopologyAndTheState() throws {
        let explanation = try Self.explain("Small", topology: Topology(cores: 2), vcpu: 1)
        #expect(try Self.decision(.hypervisor, in: explanation).decider == .hypervisor)
        #expect(try Self.decision(.svm, in: explanation).decider == .hypervisor)
        #expect(try Self.decision(.ht, in: explanation).decider == .topology)
        #expect(try Self.decision(.osxsave, in: explanation).decider == .runtime)
        let identity = try #require(explanation.registers.first { $0.leaf == 1 && $0.register == .ebx })
        let own = try #require(identity.fields.first { $0.bits == 24...31 })
        #expect(own.decision.decider == .vcpu)
        #expect(own.value == 1)
    }

    @Test func whatKVMChangedIsKVMs() throws {
        let explanation = try Self.explain("Small") { table in
            var table = table
            table.update(7, 0) { $0.ebx |= 1 << 18 }
            table.update(1) { $0.ecx |= 1 << 27 }
            return table
        }
        let rdseed = try #require(FeatureRegistry.shared.feature(named: "rdseed"))
        #expect(try Self.decision(rdseed, in: explanation).decider == .kvm)
        #expect(try Self.decision(.osxsave, in: explanation).decider == .runtime)
        #expect(try Self.decision(.avx2, in: explanation).decider == .model)
    }

    /// Fields cover every bit that is set, none twice, and their values make up the register.
    @Test func fieldsMakeUpTheRegister() throws {
        for expression in ["Small", "Small-v3,+amx-tile,+xfd,+xgetbv1,+xsavec,+xsaves", "max"] {
            for register in try Self.explain(expression, topology: Topology(sockets: 2, dies: 2, threads: 2)).registers
            {
                var sum: UInt32 = 0
                for field in register.fields {
                    let part = field.value << UInt32(field.bits.lowerBound)
                    #expect(sum & part == 0)
                    sum |= part
                }
                #expect(sum == register.value, "\(String(register.leaf, radix: 16)) \(register.register)")
            }
        }
    }

    /// With every shipped model on every recorded host, each bit that is set has somebody who says why.
    @Test(.enabled(if: Conformance.isPresent, Comment(rawValue: Conformance.absence)))
    func noBitOfAnyModelIsUnexplained() throws {
        let catalog = try Conformance.catalog()
        var fields = 0
        for file in ["epyc-milan", "bochs-skylake-x", "this-machine"] {
            let host = try HostCPU(kvmHost: Conformance.json("kvm-hosts/\(file).json"))
            for version in catalog.models.flatMap(\.versions) {
                let model = try catalog.expand(ModelExpression(parsing: version.name), on: host)
                let guest = try GuestCPU(model: model, host: host, topology: Topology(cores: 2, threads: 2))
                let explanation = GuestExplanation(
                    of: guest, vcpu: 3, history: catalog.model(named: version.name)?.versions ?? [])
                for register in explanation.registers {
                    for field in register.fields where field.value != 0 {
                        fields += 1
                        let isReserved = field.decision.reason.hasPrefix("reserved")
                        #expect(
                            !isReserved,
                            "\(version.name) on \(file): \(String(register.leaf, radix: 16)) \(register.register) \(field.bits)"
                        )
                    }
                }
            }
        }
        #expect(fields > 10_000)
    }
}
