// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import UnitSyntax
import X86CPU

/// Catalogs made from catalogs, as `model.define` and `model.remove` do.
@Suite struct CatalogEditingTests {
    private func mine(_ rest: String = "", base: String = "Haswell-v4", name: String = "Mine") -> ModelFile {
        ModelFile(
            path: "/var/\(name).cpumodel", bytes: Array("[Model]\nName=\(name)\nExtends=\(base)\n\(rest)\n".utf8),
            origin: .runtime)
    }

    @Test func addingAndRemovingLeavesNoTrace() throws {
        let shipped = try Shipped.catalog.get()
        let more = try shipped.adding(mine())
        #expect(shipped.version(named: "Mine") == nil)
        #expect(more.version(named: "Mine") != nil && more.models.count == shipped.models.count + 1)
        #expect(more.digest != shipped.digest)
        let again = try more.removing(path: "/var/Mine.cpumodel")
        #expect(again.version(named: "Mine") == nil && again.digest == shipped.digest)
    }

    @Test func aChangeShowsInTheDigestOfTheModelAlone() throws {
        let before = try Shipped.catalog.get().adding(mine("Note=one"))
        let digest = try #require(before.model(named: "Mine")?.digest)
        for rest in ["Note=two", "Note=one\nAdd=invtsc", "Note=one\nDeprecated=Old.", "Note=one\nStepping=2"] {
            let after = try before.replacing(mine(rest))
            #expect(after.model(named: "Mine")?.digest != digest, "\(rest)")
            #expect(after.model(named: "Haswell")?.digest == before.model(named: "Haswell")?.digest)
        }
        #expect(try before.replacing(mine("# a comment\nNote=one")).model(named: "Mine")?.digest == digest)
    }

    @Test func anErrorLeavesTheCatalogAsItWas() throws {
        let catalog = try Shipped.catalog.get().adding(mine())
        let digest = catalog.digest
        for (file, message) in [
            (mine("Add=nosuchfeature", name: "Other"), "which is no feature"),
            (
                ModelFile(path: "/var/x", bytes: mine().bytes, origin: .runtime),
                "the name Mine is taken in /var/Mine.cpumodel:1"
            ),
        ] {
            let error = #expect(throws: CatalogError.self) { try catalog.adding(file) }
            #expect(error?.description.contains(message) == true)
        }
        let broken = mine("Add=nosuchfeature")
        #expect(throws: CatalogError.self) { try catalog.replacing(broken) }
        #expect(catalog.digest == digest && catalog.version(named: "Mine") != nil)
    }

    @Test func aFileIsAddedOnceAndReplacedOnlyWhereItIs() throws {
        let catalog = try Shipped.catalog.get().adding(mine())
        let twice = #expect(throws: CatalogError.self) { try catalog.adding(mine()) }
        #expect(twice?.description == "/var/Mine.cpumodel:1: the file is part of the catalog already")
        let absent = #expect(throws: CatalogError.self) { try catalog.replacing(mine(name: "Other")) }
        #expect(absent?.description == "/var/Other.cpumodel:1: the file is no part of the catalog")
        let unknown = #expect(throws: CatalogError.self) { try catalog.removing(path: "/var/Other.cpumodel") }
        #expect(unknown?.description == "/var/Other.cpumodel:1: the file is no part of the catalog")
    }

    @Test func aModelThatOthersExtendStays() throws {
        let catalog = try Shipped.catalog.get().adding(mine()).adding(mine(base: "Mine-v1", name: "Other"))
        let error = #expect(throws: CatalogError.self) { try catalog.removing(path: "/var/Mine.cpumodel") }
        #expect(error?.problems.map(\.description) == ["/var/Other.cpumodel:3: Extends= names no model, \"Mine-v1\""])
    }

    @Test func aChangeReachesTheModelsThatExtend() throws {
        let catalog = try Shipped.catalog.get().adding(mine()).adding(mine(base: "Mine", name: "Other"))
        let changed = try catalog.replacing(mine("Add=invtsc"))
        #expect(changed.version(named: "Other")?.features.contains(.invtsc) == true)
        #expect(changed.model(named: "Other")?.digest != catalog.model(named: "Other")?.digest)
    }
}
