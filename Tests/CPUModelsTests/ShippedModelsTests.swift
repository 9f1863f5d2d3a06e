// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import UnitSyntax
import X86CPU

/// `models.json`.
private struct ModelFacts: Decodable {
    struct Register: Decodable {
        let leaf, reg: String
        let subleaf: UInt32?
        let value: String
    }

    struct MSR: Decodable {
        let index, value: String
    }

    struct Version: Decodable {
        let version: Int
        let name: String
        let alias: String?
        let vendor: String
        let family, model, stepping: UInt32
        let level, xlevel, model_id: String
        let note: String?
        let avx10_version: UInt8
        let force_leaf_0x1f: Bool
        let cpuid: [Register]
        let msr: [MSR]
        let caches: String?

        /// The features, from the words and not from the names.
        var features: FeatureSet {
            var set = FeatureSet()
            for register in cpuid {
                let name = CPUIDRegister.allCases.first { $0.description == register.reg }
                let word = name.flatMap {
                    FeatureWord(leaf: UInt32(hex: register.leaf), subleaf: register.subleaf ?? 0, register: $0)
                }
                if let word { set[word] = UInt64(hex: register.value) }
            }
            for value in msr {
                let index = UInt32(hex: value.index)
                let word =
                    FeatureWord(.msr(index: index, allowedOne: false))
                    ?? FeatureWord(.msr(index: index, allowedOne: true))
                if let word { set[word] = UInt64(hex: value.value) }
            }
            return set
        }
    }

    struct Model: Decodable {
        let name: String
        let versions: [Version]
    }

    struct Cache: Decodable {
        let type: String
        let level: UInt8
        let size, line_size, associativity, partitions, sets: UInt32
        let lines_per_tag: UInt8
        let self_init, no_invd_sharing, inclusive, complex_indexing: Bool
        let shared_at: String

        var cache: CPUModels.Cache? {
            guard let scope = CPUModels.Cache.Scope(rawValue: shared_at) else { return nil }
            let kinds: [String: CPUModels.Cache.Kind] = [
                "data": .data, "instruction": .instruction, "unified": .unified,
            ]
            guard let kind = kinds[type] else { return nil }
            return CPUModels.Cache(
                kind: kind, level: level, size: size, lineSize: line_size, ways: associativity, partitions: partitions,
                sets: sets, linesPerTag: lines_per_tag, isSelfInitializing: self_init,
                invalidatesNoSharers: no_invd_sharing, isInclusive: inclusive, hasComplexIndexing: complex_indexing,
                scope: scope)
        }
    }

    let caches: [String: [String: Cache]]
    let models: [Model]
}

/// `models-qemu-11.1.json`.
private struct LaterFacts: Decodable {
    enum Change: Decodable {
        case feature(Bool)
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let isOn = try? container.decode(Bool.self) {
                self = .feature(isOn)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    struct Version: Decodable {
        let name, model, previous: String
        let delta: [String: Change]
    }

    let versions: [Version]
}

@Suite struct ShippedModelsTests {
    @Test func theFilesHaveNoErrors() throws {
        let catalog = try Shipped.catalog.get()
        // 46 of QEMU's, and two that stand for no CPU.
        #expect(catalog.models.count == 48)
        #expect(catalog.models.reduce(0) { $0 + $1.versions.count } == 123 + 5)
        #expect(catalog.models.reduce(0) { $0 + $1.versions.count { $0.alias != nil } } == 17)
    }

    @Test func everyModelIsInTheFileOfItsName() throws {
        for model in try Shipped.catalog.get().models {
            #expect(model.location.file == "\(model.name).cpumodel")
            #expect(model.origin == .shipped)
            #expect(model.note != nil)
        }
    }

    @Test func everyModelSurvivesItsText() throws {
        let catalog = try Shipped.catalog.get()
        for model in catalog.models {
            let file = ModelFile(path: model.location.file, bytes: Array(CPUModelFile.text(of: model).utf8))
            let again = try #require(try catalog.replacing(file).model(named: model.name))
            #expect(again.digest == model.digest)
            #expect(again.versions == model.versions)
            #expect(again.note == model.note && again.ownCaches == model.ownCaches)
        }
    }

    @Test func theFilesReadLikeThoseThatTheProgramWrites() throws {
        // So that a diff of a model shown and its file shows what is different, and nothing else.
        let catalog = try Shipped.catalog.get()
        for file in try Shipped.files() {
            guard let model = catalog.models.first(where: { $0.location.file == file.name }) else { continue }
            let lines = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n").filter {
                $0.hasPrefix("Features=") || $0.hasPrefix("Add=") || $0.hasPrefix("Remove=")
            }
            let written = CPUModelFile.text(of: model).split(separator: "\n").filter {
                $0.hasPrefix("Features=") || $0.hasPrefix("Add=") || $0.hasPrefix("Remove=")
            }
            #expect(lines == written, "\(file.name)")
        }
    }

    @Test func aDeprecatedVersionNamesABetterOne() throws {
        let catalog = try Shipped.catalog.get()
        let deprecated = catalog.models.flatMap(\.versions).filter { $0.deprecation != nil }
        #expect(deprecated.count == 20)
        for version in deprecated {
            let replacement = try #require(version.replacement.flatMap { catalog.version(named: $0) })
            #expect(replacement.deprecation == nil)
            #expect(version.deprecation?.hasSuffix(".") == true)
        }
        #expect(catalog.version(named: "Haswell-v2")?.replacement == "Haswell-v4")
        #expect(catalog.version(named: "Haswell-v3")?.deprecation == nil)
        #expect(catalog.model(named: "Haswell")?.deprecation == nil)
        #expect(catalog.model(named: "486")?.deprecation != nil)
    }

    @Test func namesOfAllKindsFindTheirVersion() throws {
        let catalog = try Shipped.catalog.get()
        #expect(catalog.version(named: "EPYC")?.name == "EPYC-v1")
        #expect(catalog.version(named: "EPYC-v3")?.number == 3)
        #expect(catalog.version(named: "EPYC-IBPB")?.name == "EPYC-v2")
        #expect(catalog.version(named: "Haswell-noTSX-IBRS")?.name == "Haswell-v4")
        #expect(catalog.version(named: "EPYC-v9") == nil)
        #expect(catalog.nearestName(to: "EPYC-v9") == "EPYC-v5")
        #expect(catalog.nearestName(to: "EPYC-Millan") == "EPYC-Milan")
        #expect(catalog.nearestName(to: "hosst") == "host")
    }

    @Test func everyVendorHasCachesForModelsWithout() throws {
        let catalog = try Shipped.catalog.get()
        #expect(catalog.legacyCaches(for: .amd)?.l1d.size == 64 << 10)
        #expect(catalog.legacyCaches(for: .hygon)?.name == "legacy-amd")
        #expect(catalog.legacyCaches(for: .intel)?.l2?.size == 4 << 20)
        #expect(catalog.legacyCaches(for: .zhaoxin)?.name == "legacy-intel")
        #expect(catalog.caches(named: "legacy-intel-leaf2")?.l2?.size == 2 << 20)
    }

    @Test func noVersionHasConflictingFeatures() throws {
        for version in try Shipped.catalog.get().models.flatMap(\.versions) {
            for conflict in FeatureRegistry.shared.conflicts {
                #expect(!(version.features.contains(conflict.first) && version.features.contains(conflict.second)))
            }
        }
    }

    @Test func theDigestTellsContentAndNotLooks() throws {
        let files = try Shipped.files()
        let catalog = try Shipped.catalog.get()
        let commented = files.map { ($0.name, Array("# a comment\n".utf8) + $0.bytes) }
        #expect(try ModelCatalog(files: commented.reversed()).digest == catalog.digest)
        let changed = files.map { file in
            let text = String(decoding: file.bytes, as: UTF8.self)
            return (file.name, Array(text.replacing("Features=abm bmi1", with: "Features=bmi1").utf8))
        }
        #expect(try ModelCatalog(files: changed).digest != catalog.digest)
        #expect(catalog.digest.count == 64)
    }
}

@Suite(.enabled(if: Facts.areAvailable, "\(Facts.missing)"))
struct ShippedModelsFactsTests {
    @Test func everyVersionIsThatOfTheFacts() throws {
        let facts: ModelFacts = try Facts.decode(Facts.folder + "/models.json")
        let catalog = try Shipped.catalog.get()
        var count = 0
        for fact in facts.models {
            let model = try #require(catalog.models.first { $0.name == fact.name })
            for (version, fact) in zip(model.versions, fact.versions) {
                #expect(version.name == fact.name)
                #expect(version.alias == fact.alias)
                #expect(version.vendor.description == fact.vendor)
                #expect(
                    version.signature
                        == CPUSignature(family: fact.family, model: fact.model, stepping: fact.stepping))
                #expect(version.description == fact.model_id)
                #expect(version.level == UInt32(hex: "0x" + fact.level.dropFirst(2)))
                #expect(version.extendedLevel == UInt32(hex: fact.xlevel))
                #expect(version.forcesLeaf1F == fact.force_leaf_0x1f)
                #expect(version.avx10Version == fact.avx10_version)
                #expect(version.note == fact.note && !version.takesHostVendor)
                count += 1
                #expect(version.features.subtracting(fact.features).names == [])
                #expect(fact.features.subtracting(version.features).names == [])
                let caches = fact.caches.flatMap { facts.caches[$0] }
                for (cache, role) in zip(version.caches?.all ?? [], ["l1d", "l1i", "l2", "l3"]) {
                    #expect(cache == caches?[role]?.cache)
                }
                #expect(version.caches?.all.count == caches?.count)
            }
            #expect(model.versions.count >= fact.versions.count)
        }
        #expect(count == 104)
    }

    @Test func laterVersionsAreThoseOfTheFacts() throws {
        let facts: LaterFacts = try Facts.decode(Facts.folder + "/models-qemu-11.1.json")
        let catalog = try Shipped.catalog.get()
        #expect(facts.versions.count == 19)
        for fact in facts.versions {
            let version = try #require(catalog.version(named: fact.name))
            let previous = try #require(catalog.version(named: fact.previous))
            var expected = previous.features
            var description = previous.description
            for (name, change) in fact.delta {
                switch change {
                case .feature(true): expected.insert(try feature(name))
                case .feature(false): expected.remove(try feature(name))
                case .text(let text): description = text
                }
            }
            #expect(version.features == expected)
            #expect(version.description == description)
            #expect(version.signature == previous.signature)
            #expect(version.caches == previous.caches && version.avx10Version == previous.avx10Version)
        }
    }

    @Test func legacyCachesAreThoseOfTheFacts() throws {
        let facts: ModelFacts = try Facts.decode(Facts.folder + "/models.json")
        let catalog = try Shipped.catalog.get()
        for (name, fact) in [
            ("legacy-amd", "legacy_amd_cache_info"), ("legacy-intel", "legacy_intel_cache_info"),
            ("legacy-intel-leaf2", "legacy_intel_cpuid2_cache_info"),
        ] {
            let caches = try #require(catalog.caches(named: name))
            for (cache, role) in zip(caches.all, ["l1d", "l1i", "l2", "l3"]) {
                #expect(cache == facts.caches[fact]?[role]?.cache)
            }
        }
    }
}
