// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import X86CPU

/// The shipped models that stand for no CPU.
@Suite struct NeutralModelsTests {
    /// What the x86-64 psABI, table 3.1, lists for each level, beyond the one before. OSFXSR and OSXSAVE are up to the
    /// guest.
    private static let levels = [
        "cmov cx8 fpu fxsr mmx syscall sse sse2", "cx16 lahf-lm popcnt pni sse4.1 sse4.2 ssse3",
        "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave", "avx512f avx512bw avx512cd avx512dq avx512vl",
    ]

    @Test func levelsAreThoseOfThePSABI() throws {
        let catalog = try Shipped.catalog.get()
        var needed = FeatureSet()
        var previous = FeatureSet()
        for (number, level) in Self.levels.enumerated() {
            let version = try #require(catalog.version(named: "x86-64-v\(number + 1)"))
            let added = try features(level)
            needed = needed.union(added)
            #expect(needed.isSubset(of: version.features))
            if number > 0 { #expect(version.features.subtracting(previous) == added) }
            #expect(version.takesHostVendor && version.signature.description == "15/107/1")
            previous = version.features
        }
    }

    @Test(arguments: [
        ("x86-64-v1", "Opteron_G1", true), ("x86-64-v2", "Nehalem", true), ("x86-64-v2", "Opteron_G3", false),
        ("x86-64-v3", "Haswell", true), ("x86-64-v3", "EPYC", true), ("x86-64-v3", "Snowridge", false),
        ("x86-64-v4", "Skylake-Server", true), ("x86-64-v4", "EPYC-Genoa", true), ("x86-64-v4", "EPYC-Milan", false),
    ])
    func modelsOfCPUsHaveTheirLevel(_ level: String, _ model: String, _ has: Bool) throws {
        let catalog = try Shipped.catalog.get()
        let wanted = try #require(catalog.version(named: level)).features
        let given = try #require(catalog.version(named: model)).features
        #expect(wanted.isSubset(of: given) == has)
    }

    @Test func baseIsNothing() throws {
        let base = try #require(try Shipped.catalog.get().version(named: "base"))
        #expect(base.features.isEmpty && base.caches == nil && base.level == 0)
    }
}
