// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Testing
import X86CPU

@Suite struct BaselineTests {
    @Test("Nothing has no baseline")
    func empty() {
        #expect(throws: BaselineError.noCPUs) { try Baseline(of: []) }
    }

    @Test("Several vendors are an error that names two, in any order, unless they may mix")
    func vendors() throws {
        let intel = cpu("a", vendor: .intel, [.pae])
        let amd = cpu("b", vendor: .amd, [.pae])
        let silent = cpu("c", vendor: nil, [.pae])
        #expect(throws: BaselineError.vendorsDiffer("a", .intel, "b", .amd)) {
            try Baseline(of: [intel, silent, amd])
        }
        let error = BaselineError.vendorsDiffer("a", .intel, "b", .amd)
        #expect(
            error.description == "a is GenuineIntel and b is AuthenticAMD: no guest can move between them.")
        let mixed = try Baseline(of: [intel, amd], options: Baseline.Options(mixesVendors: true)).cpu
        #expect(mixed.vendor == nil && mixed.features == [.pae])
        #expect(try Baseline(of: [intel, silent]).cpu.vendor == nil)
    }

    @Test(
        "Most features need every host; those that say what to do need one; so do the inverse ones",
        arguments: [
            ("avx", PoolRule.all), ("md-clear", .any), ("no-lmsl", .any), ("fs-gs-base-ns", .any), ("verw-clear", .any),
            ("fdp-excptn-only", .inverse), ("zero-fcs-fds", .inverse), ("rsba", .returnStack), ("rrsba", .returnStack),
            ("fb-clear", .any), ("rfds-clear", .any),
        ])
    func rules(name: String, rule: PoolRule) throws {
        let feature = try feature(name)
        #expect(PoolRule(feature) == rule)
        // All that the features need, on both.
        var common: FeatureSet = [.archCapabilities, .xsave, .sse, .lm, .pae]
        for other in ["fxsr", "sse2", "ibrs-all", "spec-ctrl", "mmx", "fpu"] { common.insert(try self.feature(other)) }
        let with = cpu("with", vendor: nil, common.union([feature]))
        let pool = try Baseline(of: [with, cpu("without", vendor: nil, common)]).cpu
        if rule == .returnStack {
            // With eIBRS on both hosts RSBA comes out as RRSBA as well.
            #expect(pool.features.contains(try self.feature("rrsba")))
        } else {
            #expect(pool.features.contains(feature) == (rule != .all))
        }
    }

    @Test("Without eIBRS on every host, RRSBA of one is RSBA of the pool")
    func returnStackWithoutEIBRS() throws {
        let (rsba, rrsba) = (try feature("rsba"), try feature("rrsba"))
        let new = cpu("new", vendor: nil, [.archCapabilities, rrsba, try feature("ibrs-all")])
        let old = cpu("old", vendor: nil, [.archCapabilities])
        let pool = try Baseline(of: [new, old]).cpu.features
        #expect(pool.contains(rsba) && !pool.contains(rrsba))
        // eIBRS that both have, but not what it needs, is none.
        let lame = try Baseline(of: [new, new]).cpu.features
        #expect(lame.contains(rsba) && !lame.contains(rrsba))
    }

    @Test("A host's design tells of RSB underflow where its MSR does not")
    func returnStackByDesign() throws {
        var skylake = cpu("skylake", vendor: .intel, [.archCapabilities])
        skylake.origin = .host
        skylake.signature = CPUSignature(family: 6, model: 85, stepping: 4)
        #expect(try Baseline(of: [skylake]).cpu.features.contains(try feature("rsba")))
        skylake.origin = .model
        #expect(!(try Baseline(of: [skylake]).cpu.features.contains(try feature("rsba"))))
    }

    @Test("Without ARCH_CAPABILITIES on every host, nothing of it is left")
    func closure() throws {
        let with = cpu("with", vendor: nil, [.archCapabilities, try feature("fb-clear"), try feature("rrsba")])
        #expect(try Baseline(of: [with, cpu("without", vendor: nil, [.sse])]).cpu.features.isEmpty)
    }

    @Test("Levels and widths are the least, numbers what holds for all")
    func numbers() throws {
        var a = cpu("a", vendor: nil, [])
        (a.level, a.extendedLevel, a.physicalAddressBits) = (0x16, 0x8000_0008, 46)
        var b = a
        (b.level, b.extendedLevel, b.physicalAddressBits) = (0xD, 0x8000_001E, 39)
        a.numbers[.leaf24_0_ebx] = 2
        b.numbers[.leaf24_0_ebx] = 1
        a.numbers[.perfCapabilities] = 5
        b.numbers[.perfCapabilities] = 6
        let pool = try Baseline(of: [a, b]).cpu
        #expect(pool.level == 0xD && pool.extendedLevel == 0x8000_0008 && pool.physicalAddressBits == 39)
        #expect(pool.numbers[.leaf24_0_ebx] == 1 && pool.numbers[.perfCapabilities] == 0)
    }

    @Test("What was lost is told, with how many and which host lacked it")
    func limits() throws {
        let full = cpu("a", vendor: nil, [.pae, .avx, .xsave, try feature("fxsr"), try feature("fpu")])
        var less = full
        less.features.remove(.xsave)
        let limits = try Baseline(of: [full, less, full]).limits
        #expect(limits.map(\.feature) == [.xsave, .avx])
        #expect(limits.map(\.count) == [1, 0])
        #expect(limits.map(\.first) == [1, nil])
    }

    @Test("A pool can be made to migrate, and receives more than it offers")
    func migratable() throws {
        let cpus = [cpu("a", vendor: nil, [.invtsc, try feature("tsc")])]
        #expect(try Baseline(of: cpus).cpu.features.contains(.invtsc))
        let pool = try Baseline(of: cpus, options: Baseline.Options(onlyMigratable: true))
        #expect(!pool.cpu.features.contains(.invtsc))
        #expect(pool.notOffered.contains(.invtsc))
        #expect(pool.notOffered.contains(try feature("md-clear")))
    }

    @Test("A pool of hosts has a name among the models")
    func name() throws {
        let catalog = try Conformance.catalog()
        let cpus = try ["Cascadelake-Server-v5", "Skylake-Server-v5"].map {
            CPUDescription(try #require(catalog.version(named: $0)))
        }
        let pool = try Baseline(of: cpus)
        let found = try ModelDetector(catalog).detect(pool.cpu).best
        #expect(found.version.name == "Skylake-Server-v5")
    }

    private func cpu(_ name: String, vendor: CPUVendor?, _ features: FeatureSet) -> CPUDescription {
        CPUDescription(name: name, origin: .table, vendor: vendor, features: features)
    }

    private func feature(_ name: String) throws -> Feature {
        try #require(FeatureRegistry.shared.feature(named: name))
    }
}
