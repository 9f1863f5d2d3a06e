// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CPUModelControl

@Suite struct CompletionsTests {
    @Test func namesOfModelsStandFirst() {
        #expect(Completions.expression("EP", models: ["EPYC-v1"]) == ["EPYC-v1", "host", "max"])
    }

    @Test func featuresStandBehindACommaWithTheSignTyped() {
        #expect(Completions.expression("host,-av", models: []).contains("host,-avx2"))
        #expect(Completions.expression("host,-svm,", models: []).contains("host,-svm,+avx2"))
    }
}
