// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Testing
import X86CPU

@Suite struct ComparisonTests {
    @Test("Later versions are supersets of those they add to, and the differences are told both ways")
    func versions() throws {
        let catalog = try Conformance.catalog()
        func cpu(_ name: String) throws -> CPUDescription { CPUDescription(try #require(catalog.version(named: name))) }
        let added = CPUComparison(try cpu("EPYC-Milan-v2"), try cpu("EPYC-Milan"))
        #expect(added.relation == .superset)
        #expect(added.onlyInFirst.contains(try feature("vaes")))
        #expect(added.onlyInSecond.isEmpty)
        #expect(CPUComparison(try cpu("Haswell-v2"), try cpu("Haswell")).relation == .subset)
        #expect(CPUComparison(try cpu("Haswell-v2"), try cpu("Haswell-v3")).relation == .subset)
        #expect(CPUComparison(try cpu("Haswell-v1"), try cpu("Haswell-v4")).relation == .incomparable)
        let vendors = CPUComparison(try cpu("EPYC"), try cpu("Haswell"))
        #expect(vendors.relation == .incomparable)
        #expect(vendors.vendors?.first == .amd && vendors.vendors?.second == .intel)
    }

    @Test("Levels decide only where nothing else differs")
    func levels() throws {
        let low = CPUDescription(name: "low", origin: .table, features: [.sse], level: 0xD)
        var high = low
        high.level = 0x16
        #expect(CPUComparison(high, low).relation == .superset)
        #expect(CPUComparison(high, low).numbers.map(\.description) == ["the highest basic leaf: 22 and 13"])
        high.features = []
        #expect(CPUComparison(high, low).relation == .subset)
    }

    @Test("Address widths count as features do, and an unknown one is less than any")
    func widths() {
        let narrow = CPUDescription(name: "narrow", origin: .table, features: [], physicalAddressBits: 40)
        let wide = CPUDescription(name: "wide", origin: .table, features: [], physicalAddressBits: 46)
        #expect(CPUComparison(wide, narrow).relation == .superset)
        let unknown = CPUDescription(name: "unknown", origin: .table, features: [.sse])
        #expect(CPUComparison(unknown, narrow).relation == .incomparable)
    }

    @Test("Bits that follow the running system, and those that AMD repeats, are no differences")
    func noise() {
        let running = CPUDescription(name: "running", origin: .table, features: [.osxsave, .xsave])
        let resting = CPUDescription(name: "resting", origin: .table, features: [.xsave])
        #expect(CPUComparison(running, resting).relation == .identical)
        var repeated: FeatureSet = [.pae]
        repeated[.leaf80000001_edx] = 1 << 6
        let amd = CPUDescription(name: "AMD", origin: .table, vendor: .amd, features: repeated)
        #expect(amd.features == [.pae])
    }

    @Test("Numbers in feature words are compared as numbers")
    func numbers() {
        func cpu(_ version: UInt64) -> CPUDescription {
            var features: FeatureSet = [.avx10]
            features[.leaf24_0_ebx] = version
            return CPUDescription(name: "\(version)", origin: .table, features: features)
        }
        #expect(CPUComparison(cpu(2), cpu(1)).relation == .superset)
        #expect(CPUComparison(cpu(2), cpu(1)).numbers.map(\.description) == ["the AVX10 version: 2 and 1"])
    }

    @Test("What one side does not tell is marked among the differences")
    func untold() throws {
        let table = CPUIDTable([CPUIDEntry(7, .exact(0), edx: 1 << 29)])
        let dump = CPUDescription(table, name: "dump")
        let host = CPUDescription(table, msrs: [0x10A: 1], name: "host")
        let comparison = CPUComparison(host, dump)
        #expect(comparison.relation == .superset)
        #expect(comparison.untold == [try feature("rdctl-no")])
    }
}
