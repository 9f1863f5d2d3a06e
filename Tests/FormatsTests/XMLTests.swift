// SPDX-License-Identifier: Apache-2.0

import Formats
import Testing

/// What libvirt's documents never have, and attackers' do.
@Suite struct XMLTests {
    private func message(_ text: String) -> String? {
        do throws(FormatError) {
            _ = try LibvirtCPU.read(Array(text.utf8), name: "x")
            return nil
        } catch {
            return error.description
        }
    }

    @Test func referencesAndBothQuotesAreRead() throws {
        let text = "<?xml version=\"1.0\"?><cpu mode=\"custom\"><!-- <a> --><model>A&amp;&#66;</model></cpu>\n"
        #expect(try LibvirtCPU.read(Array(text.utf8), name: "x").model == "A&B")
    }

    @Test(arguments: [
        (
            "<!DOCTYPE a [<!ENTITY b 'c'>]><cpu/>",
            "x:1:1: document types, processing instructions and CDATA are not read"
        ),
        (
            "<cpu><model>&b;</model></cpu>",
            "x:1:14: \"&\" must start one of &lt; &gt; &amp; &quot; &apos; or a character's number"
        ),
        ("<cpu>\n<model>a</modle></cpu>", "x:2:16: \"modle\" ends where \"model\" of line 2 must end first"),
        ("<cpu a='1' a='2'/>", "x:1:12: the attribute \"a\" is given twice"),
        ("<cpu><model>", "x:1:13: the text ends in the element \"model\" of line 1"),
        ("<cpu mode='custom", "x:1:18: the text ends where the quote that ends the value must be"),
        ("<cpu mode=custom/>", "x:1:11: a quote is expected here"),
        ("<cpu/><cpu/>", "x:1:7: nothing more after the last element's end is expected here"),
        ("<cpu><!-- never ends", "x:1:21: the text ends in the comment of line 1"),
        ("text", "x:1:1: an element is expected here"),
        ("", "x:1:1: the text ends where an element must be"),
        ("<cpu>\u{0}</cpu>", "x:1:6: the text contains a NUL byte"),
    ])
    func badDocumentsAreRefusedWithTheirPlace(_ text: String, _ expected: String) {
        #expect(message(text) == expected)
    }

    @Test func depthAndSizeAreBounded() {
        let deep = String(repeating: "<a>", count: 100_000)
        #expect(message(deep) == "x:1:196: the elements nest deeper than 64")
        let wide = "<cpu>" + String(repeating: "<a/>", count: 300_000) + "</cpu>"
        #expect(message(wide)?.hasSuffix("there are more than 262144 elements and attributes") == true)
        let attributes = "<cpu " + (0..<100).map { "a\($0)='' " }.joined() + "/>"
        #expect(message(attributes)?.hasSuffix("an element has more than 64 attributes") == true)
    }
}
