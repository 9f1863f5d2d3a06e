// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Testing
import X86CPU

@Suite struct MigrationTests {
    private let catalog: ModelCatalog

    init() throws { catalog = try Conformance.catalog() }

    @Test("Every reason is told, as a sentence with the place of the bit")
    func reasons() throws {
        var guest = try cpu("Icelake-Server-v5")
        guest.origin = .table
        guest.physicalAddressBits = 52
        guest.level = 0x14
        var host = try cpu("Skylake-Server-v5")
        host.physicalAddressBits = 46
        host.hidden = [.gfni]
        let answer = MigrationCheck(guest, onto: [host]).answers[0]
        let texts = answer.obstacles.map(\.description)
        #expect(!answer.isPossible)
        #expect(
            texts.contains(
                "The guest has gfni (CPUID.7.0:ECX[8]), and the host's CPU has it, but the host's KVM does not offer it."
            ))
        #expect(texts.contains("The guest has fsrm (CPUID.7.0:EDX[4]), and the host does not have it."))
        #expect(texts.contains("The guest has rdctl-no (MSR 0x10A[0]), and the host does not have it."))
        #expect(texts.contains("The guest has physical addresses of 52 bits, and the host of 46."))
        #expect(texts.contains("The guest's highest basic leaf is 0x14, and the host's is 0xd."))
        #expect(answer.obstacles.compactMap(\.feature) == answer.obstacles.compactMap(\.feature).sorted())
    }

    @Test("The levels of a model are floors, and no obstacle")
    func modelLevels() throws {
        let guest = CPUDescription(name: "guest", origin: .model, features: [], level: 0x16)
        let host = CPUDescription(name: "host", origin: .host, features: [], level: 0xD)
        #expect(MigrationCheck(guest, onto: [host]).isPossible)
    }

    @Test("On no hosts nothing can run")
    func noHosts() throws {
        #expect(!MigrationCheck(try cpu("EPYC"), onto: [], models: ModelDetector(catalog)).isPossible)
    }

    @Test("Another vendor's host is none, whatever is dropped")
    func vendors() throws {
        let check = MigrationCheck(try cpu("EPYC"), onto: [try cpu("EPYC-Milan"), try cpu("SapphireRapids")])
        #expect(check.answers.map(\.isPossible) == [true, false])
        #expect(!check.droppingHelps && check.toDrop.isEmpty)
        #expect(
            check.answers[1].obstacles[0].description
                == "The guest's CPU is AuthenticAMD, and the host's is GenuineIntel.")
    }

    @Test("What does not work without a dropped feature is dropped with it")
    func drops() throws {
        let guest = try cpu("Haswell-v4")
        var host = guest
        host.features.remove(.avx)
        let check = MigrationCheck(guest, onto: [host])
        #expect(check.answers[0].obstacles == [.feature(.avx, .lacking)])
        #expect(check.droppingHelps)
        #expect(check.toDrop == [.avx, .avx2, .fma, .f16c])
    }

    @Test("The model that fits all hosts is the largest, and not one that gives up more than it must")
    func fittingModel() throws {
        let check = MigrationCheck(
            try cpu("Icelake-Server-v5"), onto: [try cpu("Cascadelake-Server-v5"), try cpu("Skylake-Server-v4")],
            models: ModelDetector(catalog))
        #expect(check.fittingModel?.name == "Skylake-Server-v4")
        let none = MigrationCheck(
            try cpu("Icelake-Server-v5"), onto: [try cpu("EPYC"), try cpu("Skylake-Server-v4")],
            models: ModelDetector(catalog))
        #expect(none.fittingModel == nil)
    }

    @Test("KVM's own features are no obstacle where only the machine's CPUID is known")
    func dumps() throws {
        let guest = CPUDescription(try catalog.expand(ModelExpression(parsing: "Conroe"), on: nil))
        var host = CPUDescription(CPUIDTable([CPUIDEntry(0)]), name: "dump")
        host.features = guest.features
        host.features[.leaf40000001_eax] = 0
        #expect(MigrationCheck(guest, onto: [host]).isPossible)
        host.untold = []
        #expect(!MigrationCheck(guest, onto: [host]).isPossible)
    }

    @Test("An MSR that a dump does not tell is an obstacle that says so")
    func untold() throws {
        let guest = try cpu("Cascadelake-Server-v2")
        var host = guest
        host.features[.archCapabilities] = 0
        host.untold[.archCapabilities] = .max
        let obstacles = MigrationCheck(guest, onto: [host]).answers[0].obstacles
        #expect(obstacles.first == .feature(try feature("rdctl-no"), .untold))
        #expect(
            obstacles.first?.description
                == "The guest has rdctl-no (MSR 0x10A[0]), and what is known of the host does not tell that register.")
    }

    private func cpu(_ name: String) throws -> CPUDescription {
        CPUDescription(try #require(catalog.version(named: name)))
    }
}
