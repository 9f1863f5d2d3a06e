// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import Testing
import X86CPU

@Suite struct CompilerTests {
    @Test(arguments: [
        ("Haswell-v4", "haswell"), ("Skylake-Server-v4", "skylake-avx512"), ("Icelake-Server-v6", "icelake-server"),
        // Code for -march=sapphirerapids may use WAITPKG, which no model has unless asked.
        ("SapphireRapids-v3", "icelake-server"), ("SapphireRapids-v3,+waitpkg", "sapphirerapids"),
        ("EPYC-v4", "znver1"), ("EPYC-Rome-v4", "znver2"),
        ("EPYC-Milan-v2", "znver3"), ("EPYC-Genoa-v1", "znver4"), ("Haswell-v4,-avx2", "ivybridge"),
        ("Haswell-v4,-ssse3", "x86-64"),
    ])
    func everyGenerationHasItsName(_ expression: String, _ march: String) throws {
        let model = try Conformance.catalog().expand(ModelExpression(parsing: expression), on: nil)
        #expect(CompilerTarget(features: model.features, vendor: model.vendor).march == march)
    }

    @Test func levelsNeedTheLevelsBelow() throws {
        let catalog = try Conformance.catalog()
        let all = try catalog.expand(ModelExpression(parsing: "Skylake-Server-v4"), on: nil).features
        #expect(PSABILevel(all) == .v4)
        var lacking = all
        lacking.remove(.fma)
        #expect(PSABILevel(lacking) == .v2)
        lacking.remove(.lm)
        #expect(PSABILevel(lacking) == nil)
    }
}
