// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import JSON
import Testing
import X86CPU

/// The named cases of libvirt's own tests, with libvirt's definitions resolved to features.
///
/// Not run, since they are about what is not ours: `update` and `guest_data` (libvirt's policies of a domain's CPU, of
/// which only the resolved features reach us). Of `compare`, architectures other than x86.
@Suite(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
struct LibvirtCasesTests {
    private let map: LibvirtMap
    private let cases: JSONValue

    init() throws {
        map = try LibvirtMap()
        cases = try Conformance.json("libvirt-cputestdata/cases.json")
    }

    @Test("compare")
    func compare() throws {
        var score = 0
        let list = try #require(cases["compare"]?.arrayValue)
        for item in list {
            let (host, cpu) = (item["host"]?.stringValue ?? "", item["cpu"]?.stringValue ?? "")
            if cases["cpus"]?[cpu]?["arch"]?.stringValue.map({ $0 != "x86_64" }) == true {
                print("  does not apply: \(host) and \(cpu): \(cpu) is no x86 CPU")
                continue
            }
            let result = relation(host, cpu)
            #expect(result == item["result"]?.stringValue, "\(host) and \(cpu)")
            score += result == item["result"]?.stringValue ? 1 : 0
        }
        print("libvirt's cases of compare: \(score) of \(list.count)")
        #expect(score == 28)
    }

    /// libvirt's word for a host and a guest's definition, from our comparison of the features that they come to.
    private func relation(_ host: String, _ cpu: String) -> String {
        guard let hostValue = cases["cpus"]?[host], let cpuValue = cases["cpus"]?[cpu],
            var offer = try? map.definition(hostValue).cpu(host), let wish = try? map.definition(cpuValue)
        else { return "error" }
        if !wish.features("forbid").isDisjoint(with: offer.features) { return "incompatible" }
        // Who forces, or does not care, takes the host as it is.
        let indifferent = wish.features("force", "optional", "disable", "forbid")
        var need = CPUDescription(
            name: cpu, origin: .model, vendor: wish.vendor,
            features: wish.model.union(wish.features("require")).subtracting(indifferent))
        need.features = need.features.union(offer.features.intersection(indifferent))
        // A definition that names no vendor takes any.
        if wish.vendor == nil { offer.vendor = nil }
        switch CPUComparison(offer, need).relation {
        case .identical: return "identical"
        case .superset: return wish.match == "strict" ? "incompatible" : "superset"
        case .subset, .incomparable: return "incompatible"
        }
    }

    @Test("baseline")
    func baseline() throws {
        var score = 0
        let list = try #require(cases["baseline"]?.arrayValue)
        for item in list {
            let input = item["input"]?.stringValue ?? ""
            let members = try #require(cases["cpus"]?[input]?.arrayValue).map { try map.definition($0).cpu(input) }
            let options = Baseline.Options(onlyMigratable: item["flag"]?.stringValue == "migratable")
            guard let expected = item["expected"]?.stringValue else {
                #expect(throws: BaselineError.self, "\(input)") { try Baseline(of: members, options: options) }
                score += 1
                continue
            }
            let definition = try map.definition(try #require(cases["cpus"]?[expected]))
            let pool = try Baseline(of: members, options: options).cpu
            let wanted = definition.cpu(expected)
            #expect(pool.features == wanted.features, "\(expected): \(difference(pool, wanted))")
            #expect(pool.vendor == wanted.vendor, "\(expected)")
            score += pool.features == wanted.features && pool.vendor == wanted.vendor ? 1 : 0
        }
        print("libvirt's cases of baseline: \(score) of \(list.count)")
        #expect(score == 9)
    }

    @Test("host_baseline, but for the features that add up over a pool, which libvirt drops")
    func hostBaseline() throws {
        let hosts = Dictionary(uniqueKeysWithValues: try LibvirtHost.all().map { ($0.name, $0.document) })
        let list = try #require(cases["host_baseline"]?.arrayValue)
        for item in list {
            let names = item["hosts"]?.arrayValue?.compactMap(\.stringValue) ?? []
            let members = try names.map { name in
                try map.definition(try #require(hosts[name]?["expected"]?["json"])).cpu(name)
            }
            let pool = try Baseline(of: members).cpu
            let wanted = try map.definition(try #require(item["expected"])).cpu("expected")
            let accumulated = FeatureRegistry.shared.accumulated
            #expect(
                pool.features.subtracting(accumulated) == wanted.features.subtracting(accumulated),
                "\(names): \(difference(pool, wanted))")
            let any = members.reduce(into: FeatureSet()) { $0 = $0.union($1.features.intersection(accumulated)) }
            #expect(pool.features.intersection(accumulated) == any, "\(names)")
        }
        print("libvirt's baselines of hosts: \(list.count) of \(list.count)")
    }

    @Test("has_feature")
    func hasFeature() throws {
        for item in try #require(cases["has_feature"]?.arrayValue) {
            let host = item["host"]?.stringValue ?? ""
            let cpu = try map.definition(try #require(cases["cpus"]?[host])).cpu(host)
            let found = FeatureRegistry.shared.feature(named: item["feature"]?.stringValue ?? "")
            guard let expected = item["result"]?.boolValue else {
                #expect(found == nil)
                continue
            }
            #expect(cpu.features.contains(try #require(found)) == expected)
        }
    }

    private func difference(_ pool: CPUDescription, _ wanted: CPUDescription) -> String {
        let comparison = CPUComparison(pool, wanted)
        let registry = FeatureRegistry.shared
        return "more \(comparison.onlyInFirst.map { registry.name(of: $0) }), "
            + "less \(comparison.onlyInSecond.map { registry.name(of: $0) })"
    }
}

extension FeatureSet {
    /// Whether the sets have no feature in common.
    fileprivate func isDisjoint(with other: FeatureSet) -> Bool { intersection(other).isEmpty }
}
