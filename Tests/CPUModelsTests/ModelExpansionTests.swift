// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Testing
import X86CPU

@Suite struct ModelExpansionTests {
    /// A host whose KVM offers these features, and whose CPU has `native` beside them.
    private func host(
        _ offered: FeatureSet, native: FeatureSet = [], vendor: CPUVendor = .intel, avx10: UInt32 = 2
    ) -> HostCPU {
        func table(_ features: FeatureSet) -> CPUIDTable {
            var table = CPUIDTable([
                CPUIDEntry(0, eax: 0x20, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx),
                CPUIDEntry(0xD, .exact(0), eax: 0x602E7),
            ])
            for word in FeatureWord.allCases {
                guard case .cpuid(let leaf, let subleaf, let register) = word.position else { continue }
                if table[leaf, subleaf.index] == nil { table.append(CPUIDEntry(leaf, subleaf)) }
                table.update(leaf, subleaf.index) { $0[register] = UInt32(truncatingIfNeeded: features[word]) }
            }
            table.update(0x24, 0) { $0.ebx |= avx10 }
            return table
        }
        var msrs: [UInt32: UInt64] = [:]
        for word in FeatureWord.allCases {
            guard case .msr(let index, let allowedOne) = word.position else { continue }
            msrs[index] = allowedOne ? offered[word] << 32 : offered[word]
        }
        return HostCPU(
            identity: HostCPU.Identity(
                vendor: vendor, signature: CPUSignature(eax: 0x306C3), brand: "Test CPU"),
            supported: table(offered), native: native.isEmpty ? CPUIDTable() : table(offered.union(native)),
            featureMSRs: msrs)
    }

    /// Everything with a name, as no CPU has it.
    private var everything: FeatureSet { FeatureRegistry.shared.named.subtracting([.apxf]) }

    private func expand(_ text: String, on host: HostCPU?) throws -> ExpandedModel {
        try Shipped.catalog.get().expand(ModelExpression(parsing: text), on: host)
    }

    @Test func withoutAHostAModelIsItsDefinitionAndKVMsDefaults() throws {
        let expanded = try expand("EPYC-Milan", on: nil)
        #expect(expanded.unavailable == [])
        #expect(expanded.name == "EPYC-Milan-v1")
        #expect(
            expanded.defaultsAdded
                == (try features(
                    """
                    x2apic hypervisor kvmclock kvmclock2 kvm-nopiodelay kvm-asyncpf kvm-steal-time kvm-pv-eoi \
                    kvmclock-stable-bit
                    """)))
        #expect(expanded.defaultsRemoved == (try features("svm monitor")))
        #expect(expanded.dormant == (try features("npt nrip-save svme-addr-chk")))
        #expect(
            expanded.features
                == expanded.definition.union(expanded.defaultsAdded).subtracting(expanded.defaultsRemoved)
                .subtracting(expanded.dormant))
    }

    @Test func whatIsAskedForIsNotRemovedByDefault() throws {
        let expanded = try expand("EPYC-Milan,+svm,+monitor", on: nil)
        #expect(expanded.defaultsRemoved == [])
        #expect(expanded.dormant == [])
        #expect(try features("svm monitor npt nrip-save").isSubset(of: expanded.features))
    }

    @Test func paravirtualFeaturesAreNeverUnavailableByDefault() throws {
        let without = host(everything.subtracting([.kvmclock, .kvmStealTime, .kvmPvEoi, .kvmclock2]))
        let expanded = try expand("Haswell", on: without)
        #expect(expanded.unavailable == [])
        #expect(!expanded.features.contains(.kvmStealTime) && expanded.features.contains(.kvmAsyncpf))
        let asked = try expand("Haswell,+kvm-steal-time", on: without)
        #expect(asked.unavailable == [UnavailableFeature(.kvmStealTime, .notOffered)])
    }

    @Test func reasonsWhyTheHostCannot() throws {
        let some = everything.subtracting(try features("avx2 fma bmi1"))
        let known = try expand("Haswell", on: host(some, native: try features("fma")))
        #expect(
            known.unavailable.map(\.description) == [
                "fma: the host's CPU has it, but the host's KVM does not offer it",
                "bmi1: the host's CPU does not have it", "avx2: the host's CPU does not have it",
            ])
        let unknown = try expand("Haswell", on: host(some))
        #expect(Set(unknown.unavailable.map(\.reason)) == [.notOffered])
    }

    @Test func whatNeedsSomethingTheHostLacksIsUnavailableToo() throws {
        let expanded = try expand("Haswell", on: host(everything.subtracting([.xsave])))
        let reasons = Dictionary(uniqueKeysWithValues: expanded.unavailable.map { ($0.feature, $0.reasonText) })
        #expect(reasons[.xsave] == "the host's KVM does not offer it")
        // This host claims avx without xsave, so it is believed.
        #expect(reasons[.avx] == nil && expanded.features.contains(.avx))
        // Unless the guest could have had both.
        let removed = try expand("Haswell,-xsave", on: host(everything))
        #expect(removed.unavailable == [])
        #expect(try features("xsave xsaveopt avx avx2 fma f16c").isSubset(of: removed.expressionRemoved))
        #expect(removed.features.intersection(removed.expressionRemoved).isEmpty)
        #expect(!removed.dormant.contains(.avx))
    }

    @Test func anExplicitWishWithoutItsPrerequisiteIsUnavailable() throws {
        let expanded = try expand("Haswell,-avx2,+vaes", on: host(everything))
        #expect(expanded.unavailable.map(\.description) == ["vaes: it needs avx2, which the guest does not have"])
        #expect(!expanded.features.contains(try feature("vaes")))
        let pure = try expand("EPYC,+vmx-ept", on: nil)
        #expect(pure.unavailable.map { FeatureRegistry.shared.name(of: $0.feature) } == ["vmx-ept"])
    }

    @Test func vmxCapabilitiesLieIdleUntilVMXIsAskedFor() throws {
        let idle = try expand("Skylake-Server-v4", on: host(everything))
        #expect(idle.unavailable == [])
        #expect(idle.dormant.contains(try feature("vmx-eptp-switching")))
        #expect(!idle.features.contains(try feature("vmx-eptp-switching")))
        let asked = try expand("Skylake-Server-v4,+vmx", on: host(everything))
        #expect(asked.dormant == [])
        #expect(asked.features.contains(try feature("vmx-eptp-switching")))
        // A host that cannot nest makes them unavailable, since they have been asked for.
        let flat = everything.filter { !FeatureRegistry.shared.name(of: $0).hasPrefix("vmx") }
        let refused = try expand("Skylake-Server-v4,+vmx", on: host(FeatureSet(flat)))
        #expect(refused.unavailable.contains { $0.feature == .vmx })
        #expect(refused.unavailable.contains { FeatureRegistry.shared.name(of: $0.feature) == "vmx-ept" })
    }

    @Test func archCapabilitiesLieIdleWithoutTheirBit() throws {
        let expanded = try expand("Icelake-Server-v3,-arch-capabilities", on: host(everything))
        #expect(expanded.unavailable == [])
        #expect(expanded.features[.archCapabilities] == 0)
        #expect(expanded.expressionRemoved.contains(try feature("rdctl-no")))
    }

    @Test func hostIsAllThatMigratesAndMaxIsAll() throws {
        let machine = host(everything)
        let all = try expand("host", on: machine)
        #expect(all.name == "host" && all.base == nil && all.caches == .host)
        #expect(all.description == "Test CPU" && all.signature == CPUSignature(eax: 0x306C3) && all.level == 0x20)
        #expect(all.unavailable == [])
        #expect(all.features.intersection([.invtsc, .ht, .topoext, .kvmHintDedicated, .cmpLegacy, .osxsave]).isEmpty)
        #expect(all.features.contains(.vmx) && all.features.contains(.hypervisor))
        let max = try expand("max", on: machine)
        #expect(max.features.subtracting(all.features) == [.invtsc])
        let asked = try expand("host,+invtsc,+topoext,-vmx", on: machine)
        #expect(asked.unavailable == [])
        #expect(asked.features.contains(.invtsc) && asked.features.contains(.topoext))
        #expect(!asked.features.contains(.vmx) && asked.features[.vmxBasic] == 0)
    }

    @Test func topologyBitsAreNeverUnavailable() throws {
        let expanded = try expand("Haswell,+ht,+cmp-legacy", on: host(everything.subtracting([.ht, .cmpLegacy])))
        #expect(expanded.unavailable == [])
    }

    @Test func featuresThatExcludeEachOtherAreNotGivenTogether() throws {
        let both = FeatureRegistry.shared.named
        let expanded = try expand("Haswell,+mpx,+apxf", on: host(both))
        #expect(expanded.unavailable.map(\.description) == ["apxf: no CPU has it together with mpx"])
        #expect(expanded.features.contains(.mpx) && !expanded.features.contains(.apxf))
    }

    @Test func unavailableFeaturesComeInOrder() throws {
        let expanded = try expand("SapphireRapids", on: host([.lm, .pae]))
        let features = expanded.unavailable.map(\.feature)
        #expect(features.count > 50 && features == features.sorted())
        #expect(Set(features).count == features.count)
    }

    @Test func aModelOfNoVendorHasTheHosts() throws {
        for vendor in [CPUVendor.intel, .amd, .hygon, .zhaoxin] {
            let expanded = try expand("x86-64-v3", on: host(everything, vendor: vendor))
            #expect(expanded.vendor == vendor && expanded.signature.description == "15/107/1")
            let caches = try Shipped.catalog.get().legacyCaches(for: vendor)
            #expect(expanded.caches == caches.map { .model($0) })
            #expect(try expand("Haswell", on: host(everything, vendor: vendor)).vendor == .intel)
        }
        #expect(try expand("x86-64-v3", on: nil).vendor == .intel)
    }

    @Test(
        arguments: [
            ("DiamondRapids", 2, 2, nil), ("DiamondRapids", 3, 2, nil), ("GraniteRapids-v2", 2, 1, nil),
            ("GraniteRapids", 2, 0, nil), ("GraniteRapids,+avx10,+avx10-128", 2, 2, nil), ("host", 1, 1, nil),
            ("DiamondRapids", 1, 1, "avx10: the host's KVM offers version 1 of it, and the model has version 2"),
        ] as [(String, UInt32, UInt8, String?)])
    func avx10IsTheLowerOfTwoVersions(_ name: String, _ offered: UInt32, _ given: UInt8, _ message: String?) throws {
        let expanded = try expand(name, on: host(everything, avx10: offered))
        #expect(expanded.avx10Version == given)
        let unavailable = expanded.unavailable.filter { $0.feature == .avx10 }
        #expect(unavailable.map(\.description) == [message].compactMap { $0 })
        #expect(expanded.features.contains(.avx10) == (given > 0))
    }

    @Test func avx10WithoutAVersionIsNone() throws {
        let expanded = try expand("GraniteRapids-v2", on: host(everything, avx10: 0))
        #expect(expanded.avx10Version == 0 && !expanded.features.contains(.avx10))
        #expect(Set(expanded.unavailable.map(\.feature)).isSuperset(of: Set(try features("avx10 avx10-512"))))
        #expect(try expand("GraniteRapids-v2", on: nil).avx10Version == 1)
    }

    @Test func kvmclockIsOneSwitch() throws {
        let expanded = try expand("Haswell,-kvmclock", on: host(everything))
        #expect(expanded.features.intersection([.kvmclock, .kvmclock2]).isEmpty)
        #expect(expanded.unavailable == [])
    }

    @Test func everyVersionOnEveryKindOfHostKeepsThePromises() throws {
        let catalog = try Shipped.catalog.get()
        let registry = FeatureRegistry.shared
        let hosts = [
            host(everything), host([.lm]), host(everything.subtracting(try features("avx512f sse4.2 svm"))),
            host(FeatureSet(everything.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)), vendor: .amd),
        ]
        for version in catalog.models.flatMap(\.versions) {
            for host in hosts {
                let expanded = try catalog.expand(ModelExpression(parsing: version.name), on: host)
                let refused = FeatureSet(expanded.unavailable.map(\.feature))
                #expect(expanded.features.isSubset(of: host.grantable))
                #expect(expanded.features.intersection(refused).isEmpty)
                #expect(registry.dependencies.closing(expanded.features, host: host.grantable).removed == [])
                // Nothing is lost in silence: every feature of the definition is in exactly one place.
                #expect(
                    expanded.definition
                        == expanded.features.union(refused).union(expanded.dormant)
                        .union(expanded.defaultsRemoved).intersection(expanded.definition))
            }
        }
    }
}

extension UnavailableFeature {
    fileprivate init(_ feature: Feature, _ reason: Reason) {
        self.init(feature: feature, reason: reason)
    }
}
