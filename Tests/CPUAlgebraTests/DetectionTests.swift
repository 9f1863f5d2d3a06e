// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Testing
import X86CPU

@Suite struct DetectionTests {
    private let catalog: ModelCatalog
    private let detector: ModelDetector

    init() throws {
        catalog = try Conformance.catalog()
        detector = ModelDetector(catalog)
    }

    @Test("A model is detected as itself, or as a later version that has the same features")
    func modelsAreThemselves() throws {
        for version in catalog.models.flatMap(\.versions) {
            let found = try detector.detect(CPUDescription(version)).best
            #expect(found.added.isEmpty && found.removed.isEmpty && found.idle.isEmpty, "\(version.name)")
            #expect(found.version.features == version.features, "\(version.name)")
            #expect(found.version.modelName == version.modelName, "\(version.name)")
        }
    }

    @Test("A guest of a model is detected as the model")
    func guestsAreTheirModel() throws {
        let version = try version("Skylake-Server-v5")
        var guest = CPUDescription(try catalog.expand(ModelExpression(parsing: version.name), on: nil))
        guest.origin = .table
        let found = try detector.detect(guest).best
        #expect(found.version == version)
        #expect(found.removed.isEmpty)
        #expect(found.added.contains(.hypervisor))
    }

    @Test("Nothing is taken out of a model that describes a host")
    func hostsHaveTheirModelWhole() throws {
        var cpu = CPUDescription(try version("Westmere-v1"))
        cpu.features.remove(try feature("aes"))
        #expect(try detector.detect(cpu, options: DetectionOptions(purpose: .host)).best.removed.isEmpty)
        let guest = try detector.detect(cpu, options: DetectionOptions(purpose: .guest)).best
        #expect(guest.version.name == "Westmere-v1")
        #expect(guest.removed == [try feature("aes")])
    }

    @Test("Capabilities of VMX that nobody told, or that VMX is off for, are no differences")
    func untoldCapabilitiesAreIdle() throws {
        let version = try version("Haswell-v4")
        var cpu = CPUDescription(version)
        for word in FeatureWord.allCases {
            if case .msr(let index, _) = word.position, index >= 0x480 { cpu.features[word] = 0 }
        }
        let found = try detector.detect(cpu).best
        #expect(found.version == version)
        #expect(found.removed.isEmpty && found.distance == 0)
        #expect(found.idle.count > 20)
    }

    @Test("A feature that falls with another does not count as a difference of its own")
    func consequencesAreFree() throws {
        let version = try version("EPYC-Genoa-v2")
        var cpu = CPUDescription(version)
        cpu.features.remove(.svm)
        cpu.features[.leaf8000000A_edx] = 0
        let found = try detector.detect(cpu).best
        #expect(found.version.modelName == "EPYC-Genoa")
        #expect(found.removed.contains(.svm) && found.removed.contains(.npt))
        #expect(found.distance == 2)
    }

    @Test("A single name preferred is taken; of several, one wins over equals only")
    func preferredNames() throws {
        let cpu = CPUDescription(try version("Haswell-v1"))
        let one = try detector.detect(cpu, options: DetectionOptions(preferred: ["Nehalem"])).best
        #expect(one.version.name == "Nehalem-v1")
        let two = try detector.detect(cpu, options: DetectionOptions(preferred: ["Nehalem", "Westmere"])).best
        #expect(two.version.name == "Haswell-v1")
    }

    @Test("What cannot be had with a name is taken out, and counts")
    func blockers() throws {
        let cpu = CPUDescription(try version("Haswell-v1"))
        let hle = try feature("hle")
        let found = try detector.detect(cpu, options: DetectionOptions(allowed: ["Haswell": [hle]])).best
        #expect(found.blocked == [hle])
        #expect(found.expression == "Haswell-v1,-hle")
        #expect(found.distance == 2)
    }

    @Test("A signature does not make a name of a model of which most is missing")
    func signaturesDoNotMislead() throws {
        let version = try version("SapphireRapids-v1")
        var cpu = CPUDescription(try self.version("kvm64"))
        cpu.signature = version.signature
        #expect(try detector.detect(cpu).best.version.name == "kvm64-v1")
    }

    @Test("TSX that does not work does not choose the name, and is not lost")
    func brokenTSX() throws {
        var cpu = CPUDescription(try version("Haswell-v1"))
        cpu.origin = .table
        let found = try detector.detect(cpu).best
        #expect(found.version.name == "Haswell-v2")
        #expect(found.added == [try feature("hle"), try feature("rtm")])
    }

    @Test("Without a model, or without one allowed, there is an error")
    func errors() throws {
        let cpu = CPUDescription(try version("Haswell-v1"))
        let none: [(name: String, bytes: [UInt8])] = []
        let empty = ModelDetector(try ModelCatalog(files: none))
        #expect(throws: DetectionError.emptyCatalog) { try empty.detect(cpu) }
        #expect(throws: DetectionError.noneAllowed(["Nonesuch"])) {
            try detector.detect(cpu, options: DetectionOptions(allowed: ["Nonesuch": []]))
        }
    }

    private func version(_ name: String) throws -> CPUModelVersion { try #require(catalog.version(named: name)) }
}

/// The feature of that name.
func feature(_ name: String) throws -> Feature {
    try #require(FeatureRegistry.shared.feature(named: name), "there is no feature \(name)")
}
