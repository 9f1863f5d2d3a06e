// SPDX-License-Identifier: Apache-2.0

import Testing
import X86CPU

@Suite struct FeatureGroupTests {
    let registry = FeatureRegistry.shared

    @Test func everyNamedFeatureIsInOneGroup() {
        var seen = FeatureSet()
        for feature in registry.groups.flatMap(\.features) {
            #expect(!seen.contains(feature), "\(registry.name(of: feature)) is in two groups")
            seen.insert(feature)
        }
        #expect(registry.named.subtracting(seen).map { registry.name(of: $0) } == [])
        #expect(Set(registry.groups.map(\.title)).count == registry.groups.count)
    }

    @Test func groupingLosesNothing() throws {
        let fpu = try #require(registry.feature(named: "fpu"))
        let unnamed = try #require(Feature(.vmxTrueExitCtls, bit: 9))
        let set: FeatureSet = [.lm, .pae, fpu, .svm, unnamed]
        let groups = registry.grouped(set)
        #expect(
            groups.map(\.title) == [
                "The processor", "Memory management", "Nested virtualisation with SVM", "Bits without a name",
            ])
        #expect(groups.map(\.features) == [[fpu, .lm], [.pae], [.svm], [unnamed]])
        #expect(registry.grouped([]).isEmpty)
        #expect(FeatureSet(registry.grouped(registry.named).flatMap(\.features)) == registry.named)
    }

    @Test func aGroupNamesFeaturesThatExist() {
        let text = "[cpuid 0x00000001 edx]\n 0 fpu\n[group Basics]\nfpu\nfpv\n[group ]\nfpu\n"
        let registry = FeatureRegistry(parsing: Array(text.utf8))
        #expect(registry.groups.map(\.title) == ["Basics"])
        #expect(
            registry.problems.map(\.description) == [
                "features.list:5: There is no feature fpv.", "features.list:6: There is no section [group ].",
                "features.list:7: A line needs a section such as [cpuid 0x1 ecx] above it.",
            ])
    }
}
