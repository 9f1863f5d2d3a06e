// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import X86CPU

@Suite struct FeatureRegistryTests {
    let registry = FeatureRegistry.shared

    @Test func theProgramsOwnFileHasNoErrors() {
        #expect(registry.problems == [])
        #expect(registry.all.count > 500)
    }

    @Test func everyNamedConstantIsInTheRegistryUnderItsName() {
        for (feature, name) in Feature.wellKnown {
            #expect(registry.feature(named: name) == feature)
            #expect(registry.name(of: feature) == name)
        }
    }

    @Test func everyNameLeadsBackToItsFeature() {
        for info in registry.all {
            #expect(registry.feature(named: info.name) == info.feature)
            #expect(registry.info(of: info.feature) == info)
        }
    }

    @Test func everySpellingLeadsToItsFeatureUnlessItIsAnothersName() {
        var taken: [String] = []
        for info in registry.all {
            for alias in info.aliases where registry.feature(named: alias) != info.feature {
                let other = registry.feature(named: alias)
                #expect(other.map { registry.name(of: $0) } == FeatureRegistry.normalized(alias))
                taken.append("\(alias) of \(info.name)")
            }
        }
        #expect(
            taken == [
                "prefetchi of prefetchiti", "kvmclock of kvmclock2", "mba of amd-mba", "ssb-no of amd-no-ssb",
                "vmx-invept-single-context of vmx-invvpid-single-context",
            ])
    }

    @Test(arguments: ["LAHF_LM", "lahf-lm", "lahf_lm", "Lahf-Lm"])
    func caseAndUnderscoreDoNotMatter(_ name: String) {
        #expect(registry.feature(named: name).map { registry.name(of: $0) } == "lahf-lm")
    }

    @Test func otherProjectsSpellingsAreUnderstood() {
        #expect(registry.feature(named: "sse3") == registry.feature(named: "pni"))
        #expect(registry.feature(named: "tsc_deadline_timer") == .tscDeadline)
        #expect(registry.feature(named: "aesni") == registry.feature(named: "aes"))
        #expect(registry.feature(named: "no-such-feature") == nil)
        #expect(registry.feature(named: "") == nil)
    }

    @Test func namesByProject() throws {
        let pni = try #require(registry.feature(named: "pni").flatMap { registry.info(of: $0) })
        #expect(pni.name(in: .qemu) == "pni")
        #expect(pni.name(in: .xen) == "sse3")
        #expect(pni.aliases == ["sse3"])
        let osxsave = try #require(registry.info(of: .osxsave))
        #expect(osxsave.name(in: .qemu) == nil)
    }

    @Test func aPositionNamesEveryBitOfEveryWord() throws {
        for word in FeatureWord.allCases {
            for bit in 0..<word.bitCount {
                let feature = try #require(Feature(word, bit: bit))
                #expect(registry.feature(named: feature.description) == feature)
                #expect(Feature(position: feature.description.replacing(" ", with: ".")) == feature)
            }
        }
    }

    @Test(arguments: [
        "CPUID.7.0:EBX[32]", "CPUID.7.0:EFX[1]", "CPUID.7.0:EBX", "CPUID.ABCDE:EAX[0]", "MSR 0x48B[3]", "MSR 0x10A[64]",
        "MSR 10A[1]", "CPUID.[0]", "[", "]", "CPUID.7.0.0:EBX[1]",
    ])
    func whatIsNoPositionIsNoFeature(_ text: String) {
        #expect(Feature(position: text) == nil)
    }

    @Test func aFeatureWithoutNameIsCalledByItsPosition() throws {
        let nameless = try #require(Feature(.vmxEPTVPIDCap, bit: 63))
        #expect(registry.name(of: nameless) == "MSR 0x48C[63]")
        #expect(registry.info(of: nameless) == nil)
    }

    @Test func marks() {
        #expect(registry.optIn == [.ht, .topoext, .kvmHintDedicated])
        #expect(registry.unmigratable == [.invtsc])
        let union = ["md-clear", "no-lmsl", "fs-gs-base-ns", "verw-clear", "fb-clear", "rfds-clear"]
        #expect(registry.accumulated == FeatureSet(union.compactMap { registry.feature(named: $0) }))
        #expect(registry.conflicts == [FeatureRegistry.Conflict(first: .mpx, second: .apxf)])
    }

    @Test func wrongLinesAreToldAndLeftOut() {
        let text = """
            # a comment
             0  early
            [cpuid 0x00000001 ecx]
             0  pni    qemu xen=sse3
             1  other  needs=pni:qemu needs=nothing:qemu rubbish
            32  toobig
             2  pni
             0  again
             3  third  xen=sse3
             4  PNI_B  guests=A union needs=pni:bsd
            [cpuid 0x00000002 eax]
            [msr 0x10 high]
            [cpuid 0x00000001 edx
            [xsave]
             2  avx size=256 by=pni
             3  bad by=pni
            [conflicts]
            pni other
            pni
            """
        let registry = FeatureRegistry(parsing: Array(text.utf8))
        #expect(
            registry.problems.map(\.description) == [
                "features.list:2: A line needs a section such as [cpuid 0x1 ecx] above it.",
                "features.list:5: rubbish says nothing of a feature.",
                "features.list:5: There is no feature nothing.",
                "features.list:6: A feature begins with the number of its bit and its name.",
                "features.list:7: The name pni is taken by CPUID.1:ECX[0].",
                "features.list:8: CPUID.1:ECX[0] stands in an earlier line already.",
                "features.list:9: sse3 could be CPUID.1:ECX[3] or CPUID.1:ECX[0]; make it the name of one.",
                "features.list:10: A need is written needs=FEATURE:SOURCE, with SOURCE of qemu, libvirt, linux and xen.",
                "features.list:11: [cpuid 0x00000002 eax] is not a word of features.",
                "features.list:12: [msr 0x10 high] is not a word of features.",
                "features.list:13: The section header [cpuid 0x00000001 edx does not end with ].",
                "features.list:16: A component is written NUMBER NAME size=BYTES by=FEATURE.",
                "features.list:19: A conflict is two features.",
            ])
        #expect(registry.all.map(\.name) == ["pni", "other", "third", "PNI_B"])
        #expect(registry.xsaveComponents.map(\.name) == ["avx"])
        #expect(registry.conflicts.count == 1)
    }
}

@Suite(.enabled(if: Facts.areAvailable, "\(Facts.missing)"))
struct FeatureRegistryFactsTests {
    /// The features that came after the facts' features.json.
    static let later = ["gmet", "vmx-mbec"]
    /// Needs that the facts do not have: QEMU has one switch for both clocks; the others are from the vendors' manuals.
    static let ours = [
        "kvmclock2 kvmclock", "x2avic svm", "v_spec_ctrl svm", "vmx-ept-uc vmx-ept", "vmx-ept-wb vmx-ept",
        "amx-int8-mirror amx-tile", "amx-bf16-mirror amx-tile", "amx-complex-mirror amx-tile",
        "amx-fp16-mirror amx-tile", "amx-fp8 amx-tile", "amx-tf32 amx-tile", "amx-avx512 amx-tile",
        "amx-movrs amx-tile",
    ]

    let registry = FeatureRegistry.shared

    @Test func everyFeatureOfTheFactsIsThere() throws {
        let facts: FeatureFacts = try Facts.decode(Facts.folder + "/features.json")
        #expect(facts.features.count == 519)
        for fact in facts.features {
            let feature = try #require(fact.place)
            let info = try #require(registry.info(of: feature))
            #expect(info.name == fact.name)
            #expect(info.name(in: .qemu) == fact.names.qemu)
            #expect(info.name(in: .libvirt) == fact.names.libvirt)
            #expect(info.name(in: .linux) == fact.names.linux)
            #expect(info.name(in: .xen) == fact.names.xen)
            for alias in (fact.names.qemu_aliases ?? []) + (fact.names.libvirt_aliases ?? []) {
                #expect(info.spellings.contains { $0.name == alias })
            }
            #expect(info.flags.contains(.optIn) == (fact.not_auto_enabled_in_qemu ?? false))
            #expect(info.flags.contains(.unmigratable) == (fact.unmigratable_in_qemu ?? false))
            #expect(info.flags.contains(.unmigratableInLibvirt) == (fact.unmigratable_in_libvirt ?? false))
            #expect(info.flags.contains(.special) == (fact.xen?.special ?? false))
            #expect(info.flags.contains(.accumulates) == (fact.xen?.accumulate_over_pool ?? false))
            #expect(info.xenGuests.map { String($0) } == fact.xen?.guests)
        }
        #expect(registry.all.count == facts.features.count + Self.later.count)
        #expect(Self.later.allSatisfy { registry.feature(named: $0) != nil })
    }

    @Test func needsAreThoseOfTheFacts() throws {
        let facts: FeatureFacts = try Facts.decode(Facts.folder + "/features.json")
        var expected: [String] = Self.ours
        for fact in facts.features {
            for need in fact.depends_on { expected.append("\(fact.name) \(need.name)") }
        }
        let found = registry.all.filter { !Self.later.contains($0.name) }.flatMap { info in
            info.needs.flatMap(\.anyOf).map { "\(info.name) \(registry.name(of: $0))" }
        }
        #expect(found.sorted() == expected.sorted())
    }

    @Test func xsaveComponentsAreThoseOfTheFacts() throws {
        let facts: FeatureFacts = try Facts.decode(Facts.folder + "/features.json")
        #expect(registry.xsaveComponents.count == facts.xsave_components.count)
        for (component, fact) in zip(registry.xsaveComponents, facts.xsave_components) {
            #expect(component.number == fact.component)
            #expect(component.name == fact.name)
            #expect(component.size == fact.size)
            #expect(component.standardOffset == fact.standard_offset)
            #expect(component.isSupervisor == fact.supervisor)
            #expect(component.isAligned == fact.align64)
            #expect(component.enabledBy.map { registry.name(of: $0) } == fact.enabled_by_any_of)
        }
    }
}
