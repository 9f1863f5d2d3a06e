// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import UnitSyntax

/// Catalogs of what is right in files of which some are wrong.
@Suite struct RefusedFilesTests {
    private func file(_ path: String, _ text: String, _ origin: ModelFile.Origin = .administrator) -> ModelFile {
        ModelFile(path: path, bytes: Array((text + "\n").utf8), origin: origin)
    }

    private func model(
        _ name: String, extends base: String = "Haswell-v4", _ rest: String = "",
        origin: ModelFile.Origin = .administrator
    ) -> ModelFile {
        file("/etc/\(name).cpumodel", "[Model]\nName=\(name)\nExtends=\(base)\n\(rest)", origin)
    }

    /// The catalog of these beside the shipped ones.
    private func catalog(_ files: ModelFile..., unreadable: [RefusedModelFile] = []) throws -> ModelCatalog {
        let shipped = try Shipped.files().map { ModelFile(path: $0.name, bytes: $0.bytes) }
        return ModelCatalog(whatIsRightOf: files + shipped, unreadable: unreadable)
    }

    private func refused(_ catalog: ModelCatalog) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: catalog.refused.map { ($0.path, $0.problems) })
    }

    @Test func whatIsAllRightIsTheSameCatalog() throws {
        let shipped = try Shipped.catalog.get()
        let catalog = try catalog()
        #expect(catalog.refused.isEmpty && catalog.digest == shipped.digest)
    }

    @Test func aMistakeCostsItsFileAndNoOther() throws {
        let shipped = try Shipped.catalog.get()
        let catalog = try catalog(model("Good"), model("Bad", "Add=nosuch"))
        #expect(
            refused(catalog) == ["/etc/Bad.cpumodel": ["/etc/Bad.cpumodel:4: Add= has \"nosuch\", which is no feature"]]
        )
        #expect(catalog.version(named: "Good") != nil && catalog.version(named: "Bad") == nil)
        #expect(catalog.models.count == shipped.models.count + 1)
    }

    @Test func whatBuildsOnARefusedModelIsRefusedForThat() throws {
        let catalog = try catalog(
            model("Roof", extends: "Wall"), model("Wall", extends: "Ground-v1"), model("Ground", "Add=nosuch"))
        let ground = "/etc/Ground.cpumodel:4: Add= has \"nosuch\", which is no feature"
        let wall = "/etc/Wall.cpumodel:3: Extends= names Ground-v1, which is left out: \(ground)"
        #expect(
            refused(catalog) == [
                "/etc/Ground.cpumodel": [ground], "/etc/Wall.cpumodel": [wall],
                "/etc/Roof.cpumodel": ["/etc/Roof.cpumodel:3: Extends= names Wall, which is left out: \(wall)"],
            ])
        #expect(catalog.refused.filter(\.isConsequence).map(\.path) == ["/etc/Roof.cpumodel", "/etc/Wall.cpumodel"])
    }

    @Test func whatFollowsFromAMistakeIsNoMistakeOfItsOwn() throws {
        let files = [model("Wall", extends: "Ground"), model("Ground", "Add=nosuch")]
        let shipped = try Shipped.files().map { ModelFile(path: $0.name, bytes: $0.bytes) }
        let error = #expect(throws: CatalogError.self) { try ModelCatalog(files: files + shipped) }
        #expect(error?.problems.map(\.location.file) == ["/etc/Ground.cpumodel"])
    }

    @Test func aNameStaysWithWhatCameWithTheProgram() throws {
        let shipped = try Shipped.catalog.get()
        let mine = file("/etc/A.cpumodel", "[Model]\nName=EPYC\nExtends=Haswell")
        let theirs = file("/var/B.cpumodel", "[Model]\nName=Mine\nExtends=Haswell", .runtime)
        let catalog = try catalog(theirs, mine, file("/etc/C.cpumodel", "[Model]\nName=Mine\nExtends=EPYC"))
        #expect(catalog.model(named: "EPYC")?.digest == shipped.model(named: "EPYC")?.digest)
        #expect(catalog.model(named: "Mine")?.location.file == "/etc/C.cpumodel")
        #expect(refused(catalog).keys.sorted() == ["/etc/A.cpumodel", "/var/B.cpumodel"])
    }

    @Test func aFileThatIsWrongAnywayTakesNoNameFromOneThatIsRight() throws {
        let bad = file("/etc/A.cpumodel", "[Model]\nName=Mine\nExtends=Haswell\nAdd=nosuch")
        let catalog = try catalog(bad, file("/etc/B.cpumodel", "[Model]\nName=Mine\nExtends=EPYC"))
        #expect(catalog.model(named: "Mine")?.location.file == "/etc/B.cpumodel")
        #expect(catalog.refused.map(\.path) == ["/etc/A.cpumodel"])
    }

    @Test func aCircleIsRefusedAndWhatHangsOnIt() throws {
        let catalog = try catalog(
            model("A", extends: "B"), model("B", extends: "A"), model("C", extends: "A"), model("D"))
        #expect(catalog.refused.map(\.path) == ["/etc/A.cpumodel", "/etc/B.cpumodel", "/etc/C.cpumodel"])
        #expect(catalog.refused.map(\.isConsequence) == [false, false, true])
        #expect(catalog.version(named: "D") != nil)
    }

    @Test func cachesOfARefusedFileAreNamed() throws {
        let caches = "[Caches]\nName=far\nL1d=32K 8-way 64B shared=core\nL1i=32K 8-way 64B shared=core\n[Modell]"
        let catalog = try catalog(file("/etc/caches.cpumodel", caches), model("Mine", "Caches=far"))
        let mine = try #require(refused(catalog)["/etc/Mine.cpumodel"]?.first)
        #expect(mine.hasPrefix("/etc/Mine.cpumodel:4: Caches= names the caches far, which are left out: /etc/caches"))
        #expect(catalog.refused.map(\.isConsequence) == [true, false])
    }

    @Test func aReplacementMayBeAway() throws {
        let catalog = try catalog(model("Old", "Deprecated=Old.\nReplacement=New"), model("New", "Add=nosuch"))
        #expect(catalog.version(named: "Old")?.replacement == "New")
        #expect(catalog.refused.map(\.path) == ["/etc/New.cpumodel"])
    }

    @Test(arguments: ["Mine", "Mine-v1", "Mine-v7", "Mine-Alias"])
    func whoAsksForARefusedModelIsToldItsFault(_ name: String) throws {
        let catalog = try catalog(model("Mine", "[Version]\nNumber=2\nAlias=Mine-Alias\nAdd=nosuch"))
        let error = #expect(throws: ExpressionError.self) {
            try catalog.expand(ModelExpression(parsing: "\(name),-svm"), on: nil)
        }
        #expect(error?.kind == .unknownModel && error?.refused?.path == "/etc/Mine.cpumodel")
        let fault = "/etc/Mine.cpumodel:7: Add= has \"nosuch\", which is no feature"
        #expect(error?.description == "The model \(name) is left out, as its file is wrong: \(fault).")
        #expect(catalog.refusedFile(of: "Haswell") == nil && catalog.refusedFile(of: "Nobody") == nil)
    }

    @Test func aFileThatTellsNoNameIsKnownByItsOwn() throws {
        let unreadable = RefusedModelFile(
            path: "/etc/Locked.cpumodel", unreadable: "/etc/Locked.cpumodel cannot be read")
        let catalog = try catalog(file("/etc/Garbage.cpumodel", "\u{1}"), unreadable: [unreadable])
        #expect(catalog.refusedFile(of: "Garbage-v2")?.problems.first?.hasPrefix("/etc/Garbage.cpumodel:1: ") == true)
        #expect(catalog.refusedFile(of: "Locked") == unreadable)
        #expect(catalog.refused.map(\.path) == ["/etc/Garbage.cpumodel", "/etc/Locked.cpumodel"])
    }

    // MARK: Edited

    @Test func editsGoOnBesideWhatIsRefused() throws {
        let before = try catalog(model("Bad", "Add=nosuch"))
        let after = try before.adding(model("Mine", origin: .runtime))
        #expect(after.version(named: "Mine") != nil && after.refused == before.refused)
        #expect(try after.removing(path: "/etc/Mine.cpumodel").digest == before.digest)
        let error = #expect(throws: CatalogError.self) { try before.adding(model("Mine", extends: "Bad")) }
        #expect(error?.description.hasPrefix("/etc/Mine.cpumodel:3: Extends= names Bad, which is left out") == true)
    }

    @Test func anEditMayMendWhatWasRefused() throws {
        let before = try catalog(model("Wall", extends: "Ground"), model("Ground", "Add=nosuch"))
        let after = try before.replacing(model("Ground"))
        #expect(after.refused.isEmpty && after.version(named: "Wall") != nil)
        let without = try before.removing(path: "/etc/Ground.cpumodel")
        #expect(
            refused(without) == ["/etc/Wall.cpumodel": ["/etc/Wall.cpumodel:3: Extends= names no model, \"Ground\""]])
        #expect(try without.adding(model("Ground")).refused.isEmpty)
    }
}
