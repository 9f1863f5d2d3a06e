// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import UnitSyntax
import X86CPU

/// Models that an operator makes from others.
@Suite struct ExtendedModelsTests {
    private func file(_ name: String, _ text: String) -> ModelFile {
        ModelFile(path: "\(name).cpumodel", bytes: Array(text.utf8), origin: .runtime)
    }

    /// A file with a model `name` that extends another.
    private func extending(_ base: String, name: String = "Mine", _ rest: String = "") -> ModelFile {
        file(name, "[Model]\nName=\(name)\nExtends=\(base)\n\(rest)\n")
    }

    private func catalog(with files: ModelFile...) throws -> ModelCatalog {
        try ModelCatalog(files: files + Shipped.files().map { ModelFile(path: $0.name, bytes: $0.bytes) })
    }

    private func problems(_ files: ModelFile...) throws -> [String] {
        let shipped = try Shipped.files().map { ModelFile(path: $0.name, bytes: $0.bytes) }
        let error = #expect(throws: CatalogError.self) { try ModelCatalog(files: files + shipped) }
        return error?.problems.map(\.description) ?? []
    }

    @Test func anExtensionIsTheOtherWithChanges() throws {
        let catalog = try catalog(
            with: extending(
                "EPYC-Milan-v2", "Description=Our CPU\nStepping=2\nNote=ours\nAdd=invtsc\nRemove=svm monitor"))
        let milan = try #require(catalog.version(named: "EPYC-Milan-v2"))
        let mine = try #require(catalog.version(named: "Mine"))
        #expect(mine.name == "Mine-v1" && mine.description == "Our CPU")
        #expect(mine.signature.description == "25/1/2")
        #expect(mine.features == milan.features.union([.invtsc]).subtracting([.svm, .monitor]))
        #expect(mine.caches == milan.caches && mine.vendor == .amd)
        #expect(mine.level == milan.level && mine.extendedLevel == milan.extendedLevel)
        let model = try #require(catalog.model(named: "Mine-v1"))
        #expect(model.base == milan && model.origin == .runtime && model.note == "ours")
        #expect(model.location.description == "Mine.cpumodel:1")
        #expect(catalog.model(named: "EPYC-Milan")?.origin == .shipped)
    }

    @Test func whatIsSaidOfTheOtherAloneDoesNotComeAlong() throws {
        let catalog = try catalog(with: extending("Haswell-noTSX"))
        let mine = try #require(catalog.version(named: "Mine"))
        #expect(mine.alias == nil && mine.note == nil && mine.deprecation == nil && mine.replacement == nil)
        #expect(catalog.version(named: "Haswell-noTSX")?.deprecation != nil)
    }

    @Test(arguments: ["EPYC-Milan", "EPYC-Milan-v1", "EPYC-IBPB", "x86-64-v2", "base"])
    func anyNameOfAVersionMayBeExtended(_ name: String) throws {
        let catalog = try catalog(with: extending(name))
        #expect(catalog.version(named: "Mine")?.features == catalog.version(named: name)?.features)
        #expect(catalog.model(named: "Mine")?.base?.name == catalog.version(named: name)?.name)
    }

    @Test func anExtensionHasVersionsOfItsOwn() throws {
        let catalog = try catalog(
            with: extending("Haswell-v4", "[Version]\nNumber=2\nAlias=Mine-Better\nAdd=invtsc\nLeaf0x1F=yes"))
        #expect(catalog.version(named: "Mine-Better")?.features.contains(.invtsc) == true)
        #expect(catalog.version(named: "Mine-v2")?.forcesLeaf1F == true)
        #expect(catalog.version(named: "Mine-v1")?.features.contains(.invtsc) == false)
    }

    @Test func theOrderOfFilesMeansNothing() throws {
        let files = [
            extending("B-v2", name: "A", "Add=ssbd"),
            extending("C", name: "B", "[Version]\nNumber=2\nAdd=invtsc"),
            extending("Haswell-v4", name: "C", "Stepping=9"),
        ]
        let forwards = try catalog(with: files[0], files[1], files[2])
        let backwards = try catalog(with: files[2], files[1], files[0])
        #expect(forwards.digest == backwards.digest)
        let a = try #require(forwards.version(named: "A"))
        #expect(try features("invtsc ssbd").isSubset(of: a.features))
        #expect(a.signature.stepping == 9)
    }

    @Test func aModelMayNotLeadBackToItself() throws {
        #expect(
            try problems(extending("Mine")) == [
                "Mine.cpumodel:3: Extends= leads back to the model itself: Mine -> Mine"
            ])
        #expect(
            try problems(
                extending("B", name: "A"), extending("C-v1", name: "B"), extending("A", name: "C"),
                extending("A", name: "D")) == [
                    "A.cpumodel:3: Extends= leads back to the model itself: A -> B -> C -> A",
                    "B.cpumodel:3: Extends= leads back to the model itself: B -> C -> A -> B",
                    "C.cpumodel:3: Extends= leads back to the model itself: C -> A -> B -> C",
                ])
    }

    @Test func towersAreNotBuiltToHeaven() throws {
        func tower(_ count: Int) -> [ModelFile] {
            (1...count).map { extending($0 == 1 ? "Haswell-v4" : "M\($0 - 1)", name: "M\($0)") }
        }
        let shipped = try Shipped.files().map { ModelFile(path: $0.name, bytes: $0.bytes) }
        #expect(try ModelCatalog(files: tower(16) + shipped).version(named: "M16") != nil)
        let error = #expect(throws: CatalogError.self) { try ModelCatalog(files: tower(17) + shipped) }
        #expect(
            error?.problems.map(\.description) == [
                "M17.cpumodel:3: Extends= stands on more than 16 models, each on the next"
            ])
    }

    @Test(
        arguments: [
            ("", "EPYC-Millan", "3: Extends= names no model, \"EPYC-Millan\"; did you mean \"EPYC-Milan\"?"),
            ("", "EPYC-Milan-v9", "3: Extends= names no model, \"EPYC-Milan-v9\"; did you mean \"EPYC-Milan-v1\"?"),
            ("", "host", "3: Extends= names no model, \"host\""),
            (
                "Features=fpu", "Haswell",
                "4: Features= cannot stand beside Extends=Haswell, which brings features; change them with Add= and Remove="
            ),
            (
                "Add=vpclmutqdq", "Haswell",
                "4: Add= has \"vpclmutqdq\", which is no feature; did you mean \"vpclmulqdq\"?"
            ),
            ("Add=fpu", "Haswell", "4: Add= has fpu, which Haswell-v1 has already"),
            ("Remove=svm", "Haswell-v4", "4: Remove= has svm, which Haswell-v4 does not have"),
            ("Add=svm\nRemove=svm", "Haswell", "5: Remove= has svm, which Add= has, too"),
            (
                "Add=vaes", "Conroe",
                "4: Add= leaves features without what they need: vaes needs aes, vaes needs avx, vaes needs avx2"
            ),
            (
                "Remove=avx", "Haswell",
                "4: Remove= leaves features without what they need: fma needs avx, f16c needs avx, avx2 needs avx"
            ),
            ("Add=mpx apxf", "Haswell", "4: Add= brings mpx and apxf together, which no CPU has"),
            ("Add=apxf", "KnightsMill", nil),
            ("AVX10=1", "Haswell", "4: AVX10= tells the version of a feature that the model does not have, avx10"),
            (
                "Add=avx10 avx10-128", "Haswell",
                "4: Add= has avx10, and no AVX10= tells the version of it"
            ),
            ("Add=avx10 avx10-128\nAVX10=2", "Haswell", nil),
            ("Family=5", "Haswell", "1: family 5 has no model numbers over 15"),
            (
                "Replacement=EPYC-Milan", "Haswell",
                "4: Replacement= needs Deprecated=, which tells why the version should be replaced"
            ),
            (
                "Deprecated=Old.\nReplacement=Hasswell", "Haswell",
                "5: Replacement= names no model, \"Hasswell\"; did you mean \"Haswell\"?"
            ),
            ("Deprecated=Old.\nReplacement=486", "Haswell", "5: Replacement= names 486, which is deprecated itself"),
            ("Deprecated=Old.\nReplacement=Mine", "Haswell", "5: Replacement= names Mine, which is deprecated itself"),
            ("Extends=EPYC", "Haswell", "4: Extends= is given in line 3 already"),
            (
                "Exteds=EPYC", "Haswell",
                "4: there is no key \"Exteds\" in the section \"Model\"; did you mean \"Extends\"?"
            ),
            ("Vendor=AuthenticAMD\nFamily=23", "Haswell", nil),
        ] as [(String, String, String?)])
    func mistakes(_ rest: String, _ base: String, _ message: String?) throws {
        let mine = extending(base, rest)
        if let message {
            #expect(try problems(mine) == ["Mine.cpumodel:" + message])
        } else {
            #expect(try catalog(with: mine).version(named: "Mine") != nil)
        }
    }

    @Test func withoutAnotherModelThereIsNothingToChange() throws {
        let text = "[Model]\nName=Mine\nVendor=host\nFamily=6\nModel=1\nStepping=1\nDescription=\nAdd=fpu\n"
        #expect(
            try problems(file("Mine", text)) == [
                "Mine.cpumodel:8: Add= changes another model's features, and needs Extends= to tell whose"
            ])
    }

    @Test func aModelOfOnesOwnMustBeCompleteInItself() throws {
        let header = "[Model]\nName=Mine\nVendor=host\nFamily=6\nModel=1\nStepping=1\nDescription=\n"
        #expect(
            try problems(file("Mine", header + "Features=fpu avx2 xsave fxsr")) == [
                "Mine.cpumodel:8: Features= leaves features without what they need: avx2 needs avx"
            ])
        // Nested virtualisation lies idle as long as nobody asks for it.
        #expect(try catalog(with: file("Mine", header + "Features=fpu npt vmx-ept")).version(named: "Mine") != nil)
    }

    @Test func oneMistakeIsToldOnce() throws {
        // Not also that the other has no such feature, or that there is no such model.
        #expect(
            try problems(
                extending("EPYC", name: "Broken", "Add=nonsense-that-is-none"),
                extending("Broken", name: "Mine", "Add=invtsc"))
                == ["Broken.cpumodel:4: Add= has \"nonsense-that-is-none\", which is no feature"])
    }

    @Test func anExtensionSurvivesItsText() throws {
        let catalog = try catalog(
            with: extending(
                "EPYC-Milan-v2",
                """
                Vendor=host
                Description=Our CPU
                Caches=
                Note=ours \u{201E}alone\u{201C}
                Deprecated=We have a better one.
                Replacement=EPYC-Genoa
                Add=invtsc MSR.0x48F[41]
                Remove=svm
                [Version]
                Number=2
                Alias=Mine-Two
                Deprecated=
                Caches=tiny
                [Caches]
                Name=tiny
                L1d=3000 5-way 60B shared=thread partitions=2
                L1i=32K 8-way 64B shared=core
                """))
        let model = try #require(catalog.model(named: "Mine"))
        let text = CPUModelFile.text(of: model)
        #expect(
            text.hasPrefix("[Model]\nName=Mine\nExtends=EPYC-Milan-v2\nVendor=host\nDescription=Our CPU\nCaches=\n"))
        #expect(text.contains("\nAdd=invtsc\nAdd=MSR.0x48F[41]\nRemove=svm\n"))
        let changed = try catalog.replacing(file("Mine", text))
        #expect(changed.digest == catalog.digest)
        #expect(changed.model(named: "Mine")?.versions == model.versions)
        #expect(changed.model(named: "Mine")?.base == model.base)
    }

    @Test func textOfValuesCannotSayMoreThanTheyMay() throws {
        let catalog = try Shipped.catalog.get()
        let base = try #require(catalog.version(named: "Haswell-v4"))
        let version = CPUModelVersion("Mine", from: base, features: base.features.union([.invtsc]))
        let model = CPUModel(
            name: "Mine", versions: [version], note: "two\nRemove=smep \\\\ ", base: base, origin: .runtime,
            location: SourceLocation(file: "Mine.cpumodel", line: 1))
        let read = try catalog.adding(file("Mine", CPUModelFile.text(of: model))).model(named: "Mine")
        #expect(read?.versions == [version])
        #expect(read?.note == "two Remove=smep")
    }
}
