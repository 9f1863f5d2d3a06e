// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModelControl
import JSON
import Testing

@Suite struct TranslationTests {
    @Test func anExportIsItsTextAndWhatItDoesNotSay() throws {
        let result = try fixture("export")
        #expect(Method.exportModel.result.mismatch(result) == nil)
        let export = try Translation.export(result, forTerminal: false)
        #expect(export.text == (result["text"]?.stringValue ?? "") + "\n")
        #expect(
            export.remarks == ["libvirt has no name for rfds-no.", "libvirt has no name for 1 feature: amd-ibpb-ret."])
    }

    @Test func anImportIsAnExpressionAndWhatItDoesNotSay() throws {
        let result = try fixture("import")
        #expect(Method.importModel.result.mismatch(result) == nil)
        let imported = try Translation.import(result, forTerminal: false)
        #expect(imported.text == "EPYC-Milan-v1,+svm\n")
        #expect(
            imported.remarks == [
                "check='partial' has no place in a model.", "To be had only where the host has them: pcid, invtsc.",
            ])
    }

    @Test func onATerminalOnlyLineFeedsAreLeftOfControlCharacters() throws {
        let result: JSONValue = [
            "format": "qemu", "text": "a\u{1b}[2J\nb\n", "inexpressible": [], "notes": ["\u{1b}c"],
        ]
        let shown = try Translation.export(result, forTerminal: true)
        #expect(shown.text == "a\\u{1b}[2J\nb\n")
        #expect(shown.remarks == ["\\u{1b}c"])
        #expect(try Translation.export(result, forTerminal: false).text == "a\u{1b}[2J\nb\n")
    }

    @Test(
        arguments: [7, [], ["format": "qemu"], ["format": "qemu", "text": 1, "inexpressible": [], "notes": []]]
            as [JSONValue])
    func otherResultsAreNone(_ result: JSONValue) {
        #expect(throws: JSONShapeError.self) { try Translation.export(result, forTerminal: false) }
        #expect(throws: JSONShapeError.self) { try Translation.import(result, forTerminal: false) }
    }
}
