// SPDX-License-Identifier: Apache-2.0

import Spelling
import Testing

@Suite struct SentenceTests {
    @Test(arguments: [("It is so", "It is so."), ("It is so.", "It is so."), ("Is it?", "Is it?"), ("", ".")])
    func endsOnce(_ text: String, _ expected: String) {
        #expect(sentence(text) == expected)
    }
}
