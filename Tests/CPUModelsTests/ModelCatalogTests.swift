// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import UnitSyntax
import X86CPU

@Suite struct ModelCatalogTests {
    /// A file with a model, made of a header that is right and further lines.
    private func model(_ rest: String = "", name: String = "Tiny", features: String = "fpu tsc") -> String {
        """
        [Model]
        Name=\(name)
        Vendor=GenuineIntel
        Family=6
        Model=60
        Stepping=3
        Description=A tiny CPU
        Features=\(features)
        \(rest)
        """
    }

    private func catalog(_ texts: String...) throws -> ModelCatalog {
        try ModelCatalog(files: texts.enumerated().map { ("\($0.offset).cpumodel", Array($0.element.utf8)) })
    }

    private func problems(_ texts: String...) -> [String] {
        let files = texts.enumerated().map { (name: "\($0.offset).cpumodel", bytes: Array($0.element.utf8)) }
        let error = #expect(throws: CatalogError.self) { try ModelCatalog(files: files) }
        return error?.problems.map(\.description) ?? []
    }

    @Test func aVersionChangesTheOneBefore() throws {
        let catalog = try catalog(
            model(
                """
                Level=4
                [Version]
                Number=2
                Alias=Tiny-NX
                Note=with NX
                Add=pae nx
                Remove=tsc
                Stepping=4
                Level=0xD
                [Version]
                Number=3
                Model=61
                Description=A bigger CPU
                Leaf0x1F=yes
                Caches=small
                [Caches]
                Name=small
                L1d=48K 12-way 64B shared=core self-init
                L1i=32K 8-way 64B shared=thread lines-per-tag=1 no-invd-sharing
                L2=1M 16-way 64B shared=module inclusive complex-indexing
                """))
        let first = try #require(catalog.version(named: "Tiny"))
        #expect(first == catalog.version(named: "Tiny-v1"))
        #expect(first.features == (try features("fpu tsc")))
        #expect(first.signature.description == "6/60/3")
        #expect(first.level == 4 && first.extendedLevel == 0x8000_0000)
        #expect(first.caches == nil && first.alias == nil && !first.forcesLeaf1F)

        let second = try #require(catalog.version(named: "Tiny-NX"))
        #expect(second.name == "Tiny-v2" && second.note == "with NX" && second.level == 0xD)
        #expect(second.features == (try features("fpu pae nx")))
        #expect(second.signature.description == "6/60/4")
        #expect(second.description == "A tiny CPU")

        let third = try #require(catalog.version(named: "Tiny-v3"))
        #expect(third.features == second.features)
        #expect(third.signature.description == "6/61/4")
        #expect(third.description == "A bigger CPU" && third.note == nil && third.alias == nil && third.forcesLeaf1F)
        #expect(
            third.caches?.all == [
                Cache(
                    kind: .data, level: 1, size: 48 << 10, lineSize: 64, ways: 12, sets: 64, isSelfInitializing: true,
                    scope: .core),
                Cache(
                    kind: .instruction, level: 1, size: 32 << 10, lineSize: 64, ways: 8, sets: 64, linesPerTag: 1,
                    invalidatesNoSharers: true, scope: .thread),
                Cache(
                    kind: .unified, level: 2, size: 1 << 20, lineSize: 64, ways: 16, sets: 1024, isInclusive: true,
                    hasComplexIndexing: true, scope: .module),
            ])
        #expect(catalog.models.first?.location.description == "0.cpumodel:1")
    }

    @Test func cachesMayBeInAnotherFile() throws {
        let caches = "[Caches]\nName=far\nL1d=32K 8-way 64B shared=core\nL1i=32K 8-way 64B shared=core\n"
        let catalog = try catalog(model("Caches=far"), caches)
        #expect(catalog.version(named: "Tiny")?.caches?.name == "far")
    }

    @Test func aPositionStandsForAFeatureWithoutName() throws {
        let catalog = try catalog(model(features: "fpu MSR.0x48C[63]"))
        #expect(catalog.version(named: "Tiny")?.features[.vmxEPTVPIDCap] == 1 << 63)
    }

    @Test func allProblemsAreToldAtOnceWithFileAndLine() {
        let both = problems(
            model("Features=vpclmutqdq\nVersion=3"),
            model("[Version]\nNumber=2\nAdd=avx22\nColour=red\n[Version]\nNumber=3", name: "Other"))
        #expect(
            both.map { $0.prefix { $0 != " " } } == [
                "0.cpumodel:9:", "0.cpumodel:10:", "1.cpumodel:11:", "1.cpumodel:12:",
            ])
        #expect(
            problems(model("Features=vpclmutqdq osxsave fpu")) == [
                "0.cpumodel:9: Features= has \"vpclmutqdq\", which is no feature; did you mean \"vpclmulqdq\"?",
                "0.cpumodel:9: Features= has \"osxsave\", which no model can have: it shows CR4.OSXSAVE of the running guest",
                "0.cpumodel:9: Features= has \"fpu\", which is in the list already",
            ])
    }

    @Test(arguments: [
        ("[Version]\nNumber=3", "0.cpumodel:10: Number= must be 2, the one after version 1, not 3"),
        ("[Version]\nNumber=1", "0.cpumodel:10: Number= must be 2, the one after version 1, not 1"),
        (
            "[Version]\nNumber=2\n[Version]\nNumber=2",
            "0.cpumodel:12: Number= must be 3, the one after version 2, not 2"
        ),
        ("[Version]\nAdd=nx", "0.cpumodel:9: there must be a key \"Number\" in the section \"Version\""),
        ("[Version]\nNumber=2\nAdd=fpu", "0.cpumodel:11: Add= has fpu, which version 1 has already"),
        ("[Version]\nNumber=2\nRemove=nx", "0.cpumodel:11: Remove= has nx, which version 1 does not have"),
        ("[Version]\nNumber=2\nAlias=host", "0.cpumodel:11: Alias= cannot be host, which means what the host has"),
        ("[Version]\nNumber=2\nAlias=Tiny", "0.cpumodel:9: the name Tiny is taken in 0.cpumodel:1 already"),
        (
            "[Version]\nNumber=2\nAlias=Tiny-v9",
            "0.cpumodel:11: Alias= must not end like a version's number, as \"Tiny-v9\" does"
        ),
        (
            "[Version]\nNumber=2\nDescription=0123456789012345678901234567890123456789012345678",
            "0.cpumodel:11: Description= has 49 characters; CPUID has room for 48"
        ),
        ("Caches=smoll", "0.cpumodel:9: Caches= names caches that no file defines, \"smoll\""),
        ("Stepping=4", "0.cpumodel:9: Stepping= is given in line 6 already"),
        ("[Model]\nName=Second", "0.cpumodel:9: there is a section \"Model\" in this file already"),
    ])
    func problemsOfModels(_ rest: String, _ message: String) {
        #expect(problems(model(rest)) == [message])
    }

    @Test(arguments: [
        ("Vendor=GenuineIntel", "Vendor=AuthenticAmd", "3: Vendor= must be the 12 characters of CPUID leaf 0", false),
        (
            "Vendor=GenuineIntel", "Vendor=Intel",
            "3: Vendor= must be the 12 characters of CPUID leaf 0, or host, not \"Intel\"", true
        ),
        ("Name=Tiny", "Name=Tiny-v2", "2: Name= must not end like a version's number, as \"Tiny-v2\" does", true),
        ("Name=Tiny", "Name=", "2: Name= must be a name of letters, digits, \".\", \"_\" and \"-\", not \"\"", true),
        ("Name=Tiny", "Name=max", "2: Name= cannot be max, which means what the host has", true),
        ("Family=6", "Family=271", "4: Family= must be an integer from 0 to 270, not \"271\"", true),
        ("Family=6\nModel=60", "Family=5\nModel=60", "1: family 5 has no model numbers over 15", true),
        ("Description=A tiny CPU", "", "1: there must be a key \"Description\" in the section \"Model\"", true),
    ])
    func problemsOfHeaders(_ line: String, _ replacement: String, _ message: String, _ isWrong: Bool) throws {
        let text = model("[Version]\nNumber=2").replacing(line, with: replacement)
        if isWrong {
            #expect(problems(text) == ["0.cpumodel:" + message])
        } else {
            // Twelve characters that nobody knows are still a vendor.
            #expect(try catalog(text).version(named: "Tiny")?.vendor.description == "AuthenticAmd")
        }
    }

    @Test func aSectionThatIsNoneIsAProblem() {
        #expect(problems(model("[Modell]")).map { $0.prefix { $0 != " " } } == ["0.cpumodel:9:"])
        #expect(
            problems("[Version]\nNumber=2") == [
                "0.cpumodel:1: a section \"Version\" needs a section \"Model\" before it"
            ])
    }

    @Test func namesMustBeUniqueOverAllFiles() {
        #expect(
            problems(model(), model()) == [
                "1.cpumodel:1: the name Tiny is taken in 0.cpumodel:1 already",
                "1.cpumodel:1: the name Tiny-v1 is taken in 0.cpumodel:1 already",
            ])
        let caches = "[Caches]\nName=same\nL1d=32K 8-way 64B shared=core\nL1i=32K 8-way 64B shared=core\n"
        #expect(problems(caches, caches) == ["1.cpumodel:1: the caches same are defined in 0.cpumodel:1 too"])
    }

    @Test(arguments: [
        ("32K 8-way shared=core", "must tell its line, for example 64B"),
        ("8-way 64B shared=core", "must tell its size, for example 32K"),
        ("32K 64B shared=core", "must tell its ways, for example 8-way"),
        ("32K 8-way 64B", "must tell its shared, for example shared=core"),
        ("33K 7-way 64B shared=core", "must have a size that is a multiple of line x ways x partitions, 448 bytes"),
        (
            "32K 8-way 64B shared=planet",
            "must be one of thread, core, module, die, socket, not \"planet\""
        ),
        ("32K 8-way 64B shared=core 4-way", "says 4-way although it has said that already"),
        (
            "32K 8-way 64B shared=core selfinit",
            "has the word \"selfinit\", which says nothing of a cache; did you mean \"self-init\"?"
        ),
        ("32K 0-way 64B shared=core", "must be an integer from 1 to 1024, not \"0\""),
    ])
    func problemsOfCaches(_ value: String, _ message: String) {
        let text = "[Caches]\nName=x\nL1d=\(value)\nL1i=32K 8-way 64B shared=core\n"
        #expect(problems(text) == ["0.cpumodel:3: L1d= \(message)"])
    }

    @Test func aFileOfNothingButMistakesIsRefusedInShortOrder() {
        let lines = (0..<20_000).map { "Features=nonsense\($0) rubbish\($0)" }.joined(separator: "\n")
        let clock = ContinuousClock()
        var count = 0
        let time = clock.measure { count = problems(model(lines)).count }
        #expect(count == 50)
        #expect(time < .seconds(60))
    }

    @Test func everyTruncationOfAFileIsAnErrorOrAModel() throws {
        let bytes = try #require(try Shipped.files().first { $0.name == "EPYC.cpumodel" }).bytes
        for end in stride(from: 0, to: bytes.count, by: 7) {
            let file = (name: "cut.cpumodel", bytes: Array(bytes[..<end]))
            do {
                #expect(try ModelCatalog(files: [file]).models.count <= 1)
            } catch {
                #expect(!error.problems.isEmpty)
            }
        }
    }
}
