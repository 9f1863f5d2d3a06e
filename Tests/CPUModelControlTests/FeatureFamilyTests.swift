// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelControl

@Suite struct FeatureFamilyTests {
    @Test func familiesComeInOrderOfTheirLeavesAndUnknownNamesLast() {
        let families = FeatureFamily.grouping(["from-the-future", "nx", "vmx-ept", "avx2", "fpu", "pni"])
        #expect(
            families.map(\.title) == [
                "Basic (0x1)", "Structured (0x7)", "Extended (0x80000001)", "VMX (MSR 0x480...)", "Others",
            ])
        #expect(families.map(\.features) == [["fpu", "pni"], ["avx2"], ["nx"], ["vmx-ept"], ["from-the-future"]])
    }
}
