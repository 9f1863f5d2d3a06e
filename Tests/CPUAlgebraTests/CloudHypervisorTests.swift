// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import JSON
import Testing
import X86CPU

/// Cloud Hypervisor's rules for migration between hosts.
///
/// Not followed: leaf 0x40000000, whose signature and highest leaf are the VMM's to choose and not the host's to have.
@Suite(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
struct CloudHypervisorTests {
    @Test("The cases of IA32_ARCH_CAPABILITIES hold")
    func architecturalCapabilities() throws {
        let rules = try Dumps.fact("cloud-hypervisor-migration-rules.json")
        let cases = try #require(rules["arch_capabilities_compat"]?["cases"]?.arrayValue)
        for item in cases {
            let (from, to) = (value(item["src"]), value(item["dst"]))
            let source = host(capabilities: from, "source")
            var guest = source
            guest.origin = .table
            let check = MigrationCheck(guest, from: source, onto: [host(capabilities: to, "destination")])
            #expect(check.isPossible == item["compatible"]?.boolValue, "\(item)")
        }
        print("Cloud Hypervisor's cases of ARCH_CAPABILITIES: \(cases.count) of \(cases.count)")
    }

    @Test("What its rules call a subset is one here, register by register, and what they count goes no farther")
    func registers() throws {
        let rules = try Dumps.fact("cloud-hypervisor-migration-rules.json")
        var checked = 0
        for rule in try #require(rules["migration_check"]?["rules"]?.arrayValue).compactMap(\.arrayValue) {
            let place = (rule[0].stringValue ?? "").split(separator: ".")
            let leaf = UInt32(hexadecimal: String(place[0]))
            let subleaf = place.count > 1 ? UInt32(place[1]) ?? 0 : 0
            guard leaf != 0x4000_0000 else { continue }
            for name in (rule[1].stringValue ?? "").split(separator: "/") {
                let register = try #require(CPUIDRegister.allCases.first { $0.description == name })
                // KVM's leaf has features in EAX and hints in EDX, and nothing in the other two.
                if leaf == 0x4000_0001, register == .ebx || register == .ecx { continue }
                let isCount = rule[2].stringValue == "num<="
                for bit in isCount ? 0..<1 : 0..<32 {
                    let more = table(leaf, subleaf, register, 1 << UInt32(bit))
                    let less = table(leaf, subleaf, register, 0)
                    let feature = FeatureWord(leaf: leaf, subleaf: subleaf, register: register)
                        .flatMap { Feature($0, bit: UInt8(bit)) }
                    // Statements may come from elsewhere, and two bits follow the running guest.
                    if let feature, PoolRule(feature) != .all || feature == .osxsave || feature == .ospke { continue }
                    #expect(!MigrationCheck(more, onto: [less]).isPossible, "\(rule) \(bit)")
                    #expect(MigrationCheck(less, onto: [more]).isPossible, "\(rule) \(bit)")
                    checked += 1
                }
            }
        }
        #expect(checked > 400)
    }

    @Test("FB_CLEAR may be missing where nothing has to be cleared; elsewhere a guest that had it cannot move")
    func bufferClearing() throws {
        let guest = host(capabilities: 1 << 17, "guest")
        let immune = host(capabilities: 1 << 5 | 1 << 8 | 1 << 13 | 1 << 14 | 1 << 15, "immune")
        let check = MigrationCheck(guest, onto: [immune, host(capabilities: 0, "old")])
        #expect(check.isPossible)
        #expect(check.answers[0].cautions.isEmpty)
        let clearing = try feature("fb-clear")
        #expect(check.answers[1].cautions == [.ineffective(clearing)])
        let move = MigrationCheck(guest, from: guest, onto: [immune, host(capabilities: 0, "old")])
        #expect(move.answers[0].isPossible)
        #expect(move.answers[1].obstacles == [.unprotected(clearing)])
    }

    @Test("A guest does not move to where RSB underflow is unsafe, unless it came from such a host")
    func returnStack() throws {
        let safe = host(capabilities: 1 << 1, "safe")
        let unsafeHost = host(capabilities: 1 << 1 | 1 << 19, "unsafe")
        let rrsba = try feature("rrsba")
        #expect(
            MigrationCheck(safe, from: safe, onto: [unsafeHost]).answers[0].obstacles == [.changed(rrsba)])
        let known = MigrationCheck(safe, from: unsafeHost, onto: [unsafeHost]).answers[0]
        #expect(known.isPossible)
        #expect(known.cautions == [.notTold(rrsba)])
        var blind = safe
        blind.features.remove(.archCapabilities)
        blind.features[.archCapabilities] = 0
        let answer = MigrationCheck(blind, from: safe, onto: [unsafeHost]).answers[0]
        #expect(answer.isPossible && answer.cautions.isEmpty)
    }

    private func host(capabilities: UInt64, _ name: String) -> CPUDescription {
        var features: FeatureSet = [.archCapabilities]
        features[.archCapabilities] = capabilities
        return CPUDescription(name: name, origin: .host, vendor: .intel, features: features)
    }

    private func table(
        _ leaf: UInt32, _ subleaf: UInt32, _ register: CPUIDRegister, _ value: UInt32
    ) -> CPUDescription {
        var entry = CPUIDEntry(leaf, .exact(subleaf))
        entry[register] = value
        let intel = CPUIDEntry(0, eax: 0x24, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69)
        return CPUDescription(CPUIDTable([intel, entry, CPUIDEntry(0x8000_0000, eax: 0x8000_0008)]), name: "table")
    }

    /// A number as the facts write it: hexadecimal, with bits added as `|1<<31`.
    private func value(_ text: JSONValue?) -> UInt64 {
        (text?.stringValue ?? "").split(separator: "|").reduce(0) { sum, part in
            part.hasPrefix("1<<")
                ? sum | 1 << (UInt64(part.dropFirst(3)) ?? 0) : sum | UInt64(hexadecimal: String(part))
        }
    }
}
