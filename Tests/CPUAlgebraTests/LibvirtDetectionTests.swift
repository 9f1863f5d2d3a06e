// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import JSON
import Testing
import X86CPU

/// Our names for libvirt's recorded hosts, beside libvirt's own.
@Suite(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
struct LibvirtDetectionTests {
    /// The hosts that get another name than libvirt's, when only libvirt's names will do, and why.
    private static let exceptions: [String: String] = [
        "host Xeon-Platinum-9242":
            "QEMU's Cascadelake-Server-noTSX has the bits of ARCH_CAPABILITIES, which libvirt's copy has not",
        "guest Xeon-Platinum-9242":
            "QEMU's Cascadelake-Server-noTSX has the bits of ARCH_CAPABILITIES, which libvirt's copy has not",
        "guest Core-i7-8550U": "libvirt does not give guests the name Skylake-Client-noTSX-IBRS",
    ]

    @Test(
        "With libvirt's names to choose from, the name is libvirt's",
        arguments: [DetectionOptions.Purpose.host, .guest])
    func agreesWithLibvirt(purpose: DetectionOptions.Purpose) throws {
        let names = try Dumps.fact("libvirt-models.json")["models"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
        let allowed = Dictionary(uniqueKeysWithValues: try #require(names).map { ($0, FeatureSet()) })
        let score = try compare(DetectionOptions(purpose: purpose, allowed: allowed)) { host, expected, found in
            let reason = Self.exceptions["\(purpose) \(host)"]
            #expect(reason != nil, "\(host) is \(found) and not \(expected)")
            print("  \(host): \(found), libvirt says \(expected): \(reason ?? "nobody knows why")")
        }
        print("detect for a \(purpose) with libvirt's names: \(score) of 31")
        #expect(score == (purpose == .host ? 30 : 29))
    }

    @Test("With all names, what differs from libvirt's is a version that libvirt does not know")
    func differsByNewVersions() throws {
        let score = try compare(DetectionOptions(purpose: .host)) { host, expected, found in
            print("  \(host): \(found), libvirt says \(expected)")
            let model = try? Conformance.catalog().version(named: expected)?.modelName
            #expect(model.map { found.hasPrefix($0 + "-v") } == true, "\(host) is \(found) and not \(expected)")
        }
        print("detect for a host with all names: \(score) of 31")
        #expect(score == 25)
    }

    @Test("On a host of which libvirt knows the unusable models too, no unusable one is proposed")
    func obeysBlockers() throws {
        let detector = try Dumps.detector.get()
        for host in try LibvirtHost.all() {
            guard let list = host.document["hypervisor"]?["definitions"]?.arrayValue, !list.isEmpty else { continue }
            var allowed: [String: FeatureSet] = [:]
            for definition in list {
                let names = definition["unavailable"]?.arrayValue?.compactMap(\.stringValue) ?? []
                allowed[definition["name"]?.stringValue ?? ""] = FeatureSet(
                    names.compactMap { FeatureRegistry.shared.feature(named: $0) })
            }
            let found = try detector.detect(host.cpu, options: DetectionOptions(allowed: allowed)).best
            let blockers = try #require(found.version.names.compactMap { allowed[$0] }.first)
            let gone = found.removed.union(found.blocked).union(found.idle)
            #expect(blockers.intersection(found.version.features).isSubset(of: gone), "\(host.name)")
        }
    }

    /// The number of hosts whose name is libvirt's. No other may be farther from the CPU than libvirt's.
    private func compare(
        _ options: DetectionOptions, exception: (_ host: String, _ expected: String, _ found: String) -> Void
    ) throws -> Int {
        let detector = try Dumps.detector.get()
        var score = 0
        for host in try LibvirtHost.all() {
            let answer = options.purpose == .host ? host.host : host.guest
            let expected = try #require(answer).model
            let found = try detector.detect(host.cpu, options: options)
            if found.best.version.names.contains(expected) {
                score += 1
                continue
            }
            exception(host.name, expected, found.best.version.alias ?? found.best.version.name)
            let theirs = try detector.detect(host.cpu, options: DetectionOptions(allowed: [expected: []])).best
            #expect(found.best.distance <= theirs.distance, "\(host.name)")
        }
        return score
    }
}

extension LibvirtHost {
    /// The host's CPU.
    var cpu: CPUDescription { CPUDescription(table, msrs: msrs, name: name) }
}

extension CPUModelVersion {
    /// All names that mean this version.
    var names: [String] { [name] + [alias, number == 1 ? modelName : nil].compactMap { $0 } }
}
