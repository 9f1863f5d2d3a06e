// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import X86CPU

@Suite struct ModelExpressionTests {
    @Test func aNameAlone() throws {
        let expression = try ModelExpression(parsing: "EPYC-Milan-v2")
        #expect(expression.base == "EPYC-Milan-v2")
        #expect(expression.changes == [])
        #expect(expression.description == "EPYC-Milan-v2")
    }

    @Test func everySpellingOfAChange() throws {
        let expression = try ModelExpression(parsing: "Haswell, +aesni ,-SSE4_2,x2apic=off,avx2=on,rtm=no")
        #expect(expression.description == "Haswell,+aes,-sse4.2,-x2apic,+avx2,-rtm")
        #expect(expression.added == (try features("aes avx2")))
        #expect(expression.removed == (try features("sse4.2 x2apic rtm")))
    }

    @Test func theCanonicalFormMeansTheSame() throws {
        let expression = try ModelExpression(parsing: "host,avx=off,+MSR.0x10A[8]")
        #expect(try ModelExpression(parsing: expression.description) == expression)
    }

    @Test func aChangeSaidTwiceCountsOnce() throws {
        #expect(try ModelExpression(parsing: "EPYC,+svm,svm=on").description == "EPYC,+svm")
    }

    @Test(arguments: [
        ("", ExpressionError.Kind.syntax, "The expression must begin with the name of a model, host or max."),
        ("+svm", .syntax, "\"+svm\" cannot be the name of a model."),
        ("EPYC,", .syntax, "There is nothing between two commas, or after the last."),
        ("EPYC,,+svm", .syntax, "There is nothing between two commas, or after the last."),
        ("EPYC,svm", .syntax, "Write +svm to turn a feature on, or -svm to turn it off."),
        ("EPYC,svm=maybe", .syntax, "In \"svm=maybe\", a feature is \"on\" or \"off\"."),
        ("EPYC,+svm,svm=off", .syntax, "The feature svm is turned both on and off."),
        ("EPYC,+sse3,-pni", .syntax, "The feature pni is turned both on and off."),
        (
            "EPYC,+vpclmutqdq", .unknownFeature,
            "There is no feature \"vpclmutqdq\". Did you mean vpclmulqdq?"
        ),
        ("EPYC,+", .unknownFeature, "There is no feature \"\"."),
        ("EPYC,+qqqqqqqqqq", .unknownFeature, "There is no feature \"qqqqqqqqqq\"."),
        (
            "EPYC,+osxsave", .runtimeFeature,
            "The feature osxsave cannot be chosen: it shows CR4.OSXSAVE of the running guest."
        ),
        (
            "EPYC,ospke=on", .runtimeFeature,
            "The feature ospke cannot be chosen: it shows CR4.PKE of the running guest."
        ),
        (
            "EPYC,level=13", .notAFeature,
            "level is not a feature: the highest leaf follows from the features and the model's Level=."
        ),
        (
            "EPYC,vendor=GenuineIntel", .notAFeature,
            "vendor is not a feature: it belongs to the model; define a model of your own to change it."
        ),
        (
            "EPYC,hv_relaxed=on", .notAFeature,
            "hv_relaxed is not a feature: leaves of other hypervisors are the VMM's to add."
        ),
    ])
    func errors(_ text: String, _ kind: ExpressionError.Kind, _ message: String) {
        let error = #expect(throws: ExpressionError.self) { try ModelExpression(parsing: text) }
        #expect(error?.kind == kind)
        #expect(error?.description == message)
    }

    @Test func anErrorNamesThePartAndTheSuggestion() {
        let error = #expect(throws: ExpressionError.self) { try ModelExpression(parsing: "EPYC,-svm,+avx512vvni") }
        #expect(error?.part == "+avx512vvni")
        #expect(error?.suggestion == "avx512vnni")
    }

    @Test(arguments: [
        ("EPYC-Millan", "There is no model EPYC-Millan. Did you mean EPYC-Milan?"),
        ("EPYC-v9", "There is no model EPYC-v9. Did you mean EPYC-v5?"),
        ("zzzzzzzzz", "There is no model zzzzzzzzz."),
    ])
    func modelsThatDoNotExist(_ text: String, _ message: String) throws {
        let catalog = try Shipped.catalog.get()
        let expression = try ModelExpression(parsing: text)
        let error = #expect(throws: ExpressionError.self) { try catalog.expand(expression, on: nil) }
        #expect(error?.kind == .unknownModel)
        #expect(error?.description == message)
    }

    @Test func hostNeedsAHost() throws {
        let catalog = try Shipped.catalog.get()
        let expression = try ModelExpression(parsing: "host")
        let error = #expect(throws: ExpressionError.self) { try catalog.expand(expression, on: nil) }
        #expect(error?.kind == .hostNeeded)
    }
}
