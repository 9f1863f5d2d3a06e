// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import Testing
import X86CPU

@Suite struct QEMUTests {
    private func read(_ text: String) throws -> ImportedModel {
        try QEMUCPU(parsing: text, name: "cpu").imported(into: Conformance.catalog(), name: "cpu")
    }

    @Test func featuresAndPropertiesAreToldApart() throws {
        let imported = try read(
            "-cpu EPYC-Milan,+invtsc,svm=on,-sse4a,phys-bits=46,enforce,model-id=X y,stepping=2,pmu=on")
        #expect(imported.expression.description == "EPYC-Milan,+svm,+invtsc,-sse4a")
        #expect(imported.physicalAddressBits == 46 && imported.failsOnUnavailable == true && imported.brand == "X y")
        #expect(imported.signature?.description == "25/1/2")
        #expect(imported.notes == ["pmu=on is a property of QEMU's that has no place in a CPU model."])
    }

    @Test func laterPropertiesWinAndMinusWinsLast() throws {
        #expect(try read("EPYC,svm=on,svm=off").expression.description == "EPYC,-svm")
        #expect(try read("EPYC,-svm,svm=on,+svm").expression.description == "EPYC,-svm")
    }

    @Test(arguments: [("host", "host"), ("max", "host"), ("host,migratable=off", "max"), ("max,migratable=no", "max")])
    func hostAndMaxFollowMigratable(_ text: String, _ base: String) throws {
        #expect(try read(text).expression.base == base)
    }

    @Test(arguments: [
        ("EPYC,,svm=on", "cpu:1:6: there is nothing between two commas, or after the last"),
        ("", "cpu:1:1: a model's name must come first, not \"\""),
        ("EPYC,+svm=on", "cpu:1:6: a feature's name, and nothing more, must follow the \"+\""),
        ("EPYC,=on", "cpu:1:6: \"\" is no property's name"),
        ("EPYC,vpclmutqdq=on", "cpu: \"vpclmutqdq\" is no feature and no property; did you mean \"vpclmulqdq\"?"),
        ("EPYC,svm=maybe", "cpu: svm must be on or off, not \"maybe\""),
        ("EPYC,phys-bits=99", "cpu: phys-bits must be 32 to 52, or 0 for the default"),
        ("EPYC-Millan", "cpu: there is no model \"EPYC-Millan\"; did you mean \"EPYC-Milan\"?"),
    ])
    func wrongArgumentsAreTold(_ text: String, _ message: String) {
        #expect { try read(text) } throws: { "\($0)" == message }
    }
}
