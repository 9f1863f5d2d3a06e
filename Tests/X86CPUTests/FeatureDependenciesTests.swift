// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import X86CPU

@Suite struct FeatureDependenciesTests {
    let registry = FeatureRegistry.shared
    var dependencies: FeatureDependencies { registry.dependencies }

    func set(_ names: String) throws -> FeatureSet {
        FeatureSet(try names.split(separator: " ").map { try #require(registry.feature(named: String($0))) })
    }

    /// Sets of every density, the same ones in every run.
    static let samples: [FeatureSet] = {
        var random = SplitMix64(state: 20_260_101)
        return (0..<200).map { sample in
            FeatureSet(FeatureRegistry.shared.named.filter { _ in random.next() % 200 < UInt64(sample) })
        }
    }()

    @Test func closingTakesAwayOnlyAndSettles() {
        for sample in Self.samples {
            let closure = dependencies.closing(sample)
            #expect(closure.kept.isSubset(of: sample))
            #expect(dependencies.closing(closure.kept) == .init(kept: closure.kept, removed: []))
            #expect(FeatureSet(closure.removed.map(\.feature)) == sample.subtracting(closure.kept))
        }
    }

    @Test func aLargerSetKeepsAtLeastAsMuch() {
        for (small, other) in zip(Self.samples, Self.samples.dropFirst()) {
            let kept = dependencies.closing(small).kept
            #expect(kept.isSubset(of: dependencies.closing(small.union(other)).kept))
        }
    }

    @Test func everyKeptFeatureHasWhatItNeeds() {
        for sample in Self.samples {
            let kept = dependencies.closing(sample).kept
            for feature in kept {
                let needs = registry.info(of: feature)?.needs.filter { !$0.isPolicy } ?? []
                #expect(needs.allSatisfy { $0.anyOf.contains(where: kept.contains) })
            }
        }
    }

    @Test func everyRemovalNamesWhatWasMissingByThen() {
        for sample in Self.samples {
            var present = sample
            for removal in dependencies.closing(sample).removed {
                #expect(!removal.missing.isEmpty && !removal.missing.contains(where: present.contains))
                present.remove(removal.feature)
            }
        }
    }

    @Test func allNamedFeaturesTogetherMissNothing() {
        #expect(dependencies.closing(registry.named).removed == [])
    }

    @Test func xsaveTakesTheVectorAndStateFeaturesWithIt() throws {
        let kept = dependencies.closing(registry.named.subtracting([.xsave])).kept
        let fallen = try set(
            """
            avx avx2 fma f16c vaes vpclmulqdq avx-vnni avx512f avx512dq avx512cd avx512bw avx512vl avx512ifma avx512vbmi \
            avx512vbmi2 avx512vnni avx512bitalg avx512-vpopcntdq avx512-bf16 avx512-fp16 avx512-vp2intersect amx-tile \
            amx-int8 amx-bf16 amx-fp16 amx-complex pku xsaveopt xsavec xgetbv1 xsaves xfd mpx cet-ss
            """)
        #expect(kept.intersection(fallen).isEmpty)
        #expect(try set("sse sse2 pni ssse3 sse4.1 sse4.2 aes pclmulqdq").isSubset(of: kept))
    }

    @Test func oneOfAGroupIsEnough() throws {
        let avx10 = try set("avx10 avx10-128")
        #expect(dependencies.closing(avx10).kept == avx10)
        let alone = dependencies.closing(try set("avx10"))
        #expect(alone.kept.isEmpty)
        #expect(alone.removed.first?.missing.map { registry.name(of: $0) } == ["avx10-128", "avx10-256", "avx10-512"])
    }

    @Test func policyThatRealCPUsContradictIsNotFollowed() throws {
        // Zen 2 has STIBP and SSBD without IBRS, the Pentium MMX no FXSR, the Atom N270 LAHF in 32 bits.
        let features = try set("amd-stibp amd-ssbd ibrs-fast ibrs-same-mode lahf-lm fpu mmx")
        #expect(dependencies.closing(features).kept == features)
    }

    @Test func aHostThatContradictsALineIsBelieved() throws {
        let odd = try set("tsx-ldtrk")
        #expect(dependencies.closing(odd).kept.isEmpty)
        #expect(dependencies.closing(odd, host: odd).kept == odd)
        // A host that has both shows no contradiction: without rtm in the guest, tsx-ldtrk goes.
        #expect(dependencies.closing(odd, host: try set("tsx-ldtrk rtm")).kept.isEmpty)
        // Nor does a host without the feature excuse it.
        #expect(dependencies.closing(odd, host: try set("fpu")).kept.isEmpty)
    }
}

@Suite(.enabled(if: Facts.areAvailable, "\(Facts.missing)"))
struct FeatureDependenciesHostTests {
    @Test func recordedHostsAreClosed() throws {
        let registry = FeatureRegistry.shared
        var exceptions: Set<String> = []
        for name in try RecordedHost.names() {
            let host = try RecordedHost.named(name)
            #expect(registry.dependencies.closing(host.grantable, host: host.grantable).removed == [])
            for removal in registry.dependencies.closing(host.grantable).removed {
                exceptions.insert("\(name): \(registry.name(of: removal.feature))")
            }
        }
        // What each such host offers without what it needs; anything more is a wrong line in the registry.
        #expect(
            exceptions == ["bochs-skylake-x: vmx-xsaves", "epyc-milan-noxsave: pku", "this-machine: tsx-ldtrk"])
    }

    @Test func realCPUsAreClosed() throws {
        let registry = FeatureRegistry.shared
        var exceptions: Set<String> = []
        let recorded = try RecordedCPU.libvirt() + RecordedCPU.libcpuid()
        #expect(recorded.count == 121)
        for (name, table) in recorded {
            let features = FeatureSet(table: table).intersection(registry.named)
            #expect(features.count > 20, "\(name)")
            for removal in registry.dependencies.closing(features).removed {
                exceptions.insert("\(name): \(registry.name(of: removal.feature))")
            }
        }
        #expect(exceptions == [])
    }
}

/// A small generator with a known state, so that a failure can be repeated.
struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
