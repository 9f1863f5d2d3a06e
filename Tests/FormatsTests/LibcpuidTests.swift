// SPDX-License-Identifier: Apache-2.0

import ConformanceSupport
import Formats
import JSON
import Testing
import X86CPU

/// The 90 dumps of real CPUs that libcpuid tests itself with, and what it says of them.
@Suite(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
struct LibcpuidTests {
    /// How many of the 90 must be right in everything.
    static let expectedScore = 90

    @Test func everyDumpIsUnderstoodAsLibcpuidDoes() throws {
        let cases = try #require(try Conformance.json("libcpuid/expected.json")["cases"]?.arrayValue)
        var right = 0
        for document in cases {
            let path = try #require(document["raw"]?.stringValue)
            let dump = try CPUDump.read(Conformance.bytes("\(Conformance.directory)/libcpuid/\(path)"), name: path)
            let expected = try #require(document["expected"]?.arrayValue)
            let problems = try expected.flatMap { try Self.differences(dump, $0) }
            if problems.isEmpty { right += 1 } else { Issue.record("\(path): \(problems)") }
        }
        print("libcpuid: \(right) of \(cases.count) dumps equal in vendor, signature, flags and level")
        #expect(cases.count == 90 && right == Self.expectedScore)
    }

    private static func differences(_ dump: CPUDump, _ expected: JSONValue) throws -> [String] {
        var problems: [String] = []
        func compare(_ name: String, _ found: String, _ key: String) {
            let wanted = expected[key]?.stringValue ?? "nothing"
            if found != wanted { problems.append("\(name) is \(found), not \(wanted)") }
        }
        // libcpuid's "ext" numbers are the display family and model; the others are leaf 1's nibbles.
        let cpu = cpu(of: dump, purpose: expected["purpose"]?.stringValue ?? "")
        let features = FeatureSet(table: cpu.table)
        let eax = cpu.table.value(1, 0, .eax)
        let signature = CPUSignature(eax: eax)
        let vendor = try #require(CPUVendor(table: cpu.table))
        compare("family", String(eax >> 8 & 15), "family")
        compare("model", String(eax >> 4 & 15), "model")
        compare("display family", String(signature.family), "extfamily")
        compare("display model", String(signature.model), "extmodel")
        compare("stepping", String(signature.stepping), "stepping")
        compare("level by libcpuid's rule", levelByLibcpuid(features), "feature_level")

        let wanted = Set((expected["flags"]?.stringValue ?? "").split(separator: " ").map(String.init))
        for (flag, predicate) in LibcpuidFlags.all {
            var found = predicate(features, vendor)
            // libcpuid takes the flag back where a package has one logical CPU.
            if flag == "ht", cpu.table.value(1, 0, .ebx) >> 16 & 0xFF < 2 { found = false }
            if found != wanted.contains(flag) { problems.append("\(flag) is \(found)") }
        }
        let unknown = wanted.subtracting(LibcpuidFlags.all.map(\.flag))
        if !unknown.isEmpty { problems.append("unknown flags \(unknown.sorted())") }
        return problems
    }

    /// The psABI's level needs every feature in its list; libcpuid asks for the last in its list alone, and so calls a
    /// Bulldozer without AVX2 a v3. What `feature_level` says is compared by its rule; that ours never says more, and
    /// what the CPUs lack on which it says less, is the next test's.
    private static func levelByLibcpuid(_ features: FeatureSet) -> String {
        let registry = FeatureRegistry.shared
        let last = ["sse2", "ssse3", "osxsave", "avx512vl"].compactMap { registry.feature(named: $0) }
        return "x86-64-v\(last.prefix { features.contains($0) }.count)"
    }

    @Test func levelsAreThePsABIs() throws {
        let cases = try #require(try Conformance.json("libcpuid/expected.json")["cases"]?.arrayValue)
        var equal = 0
        for document in cases {
            let path = try #require(document["raw"]?.stringValue)
            let dump = try CPUDump.read(Conformance.bytes("\(Conformance.directory)/libcpuid/\(path)"), name: path)
            let expected = try #require(document["expected"]?.arrayValue?.first?["feature_level"]?.stringValue)
            let level = try #require(PSABILevel(dump.features))
            if level.description == expected {
                equal += 1
                continue
            }
            let claimed = try #require(PSABILevel.allCases.first { $0.description == expected })
            let needed = PSABILevel.allCases.filter { $0 <= claimed }.reduce(FeatureSet()) { $0.union($1.features) }
            let lacking = needed.subtracting(dump.features)
            #expect(level < claimed && !lacking.isEmpty, "\(path) is \(level), and libcpuid says \(expected)")
        }
        print("libcpuid: the psABI's level is libcpuid's on \(equal) of \(cases.count); on the others a feature lacks")
        #expect(equal == 53)
    }

    /// The first CPU, or in a hybrid the first of the other kind: leaf 0x1A says 0x20 for Atom, 0x40 for Core.
    private static func cpu(of dump: CPUDump, purpose: String) -> CPUDump.CPU {
        let kind: UInt32? = ["performance": 0x40, "efficiency": 0x20][purpose]
        return dump.cpus.first { kind == nil || $0.table.value(0x1A, 0, .eax) >> 24 == kind } ?? dump.cpus[0]
    }
}

/// libcpuid's names for bits, which are not quite Linux'.
enum LibcpuidFlags {
    typealias Predicate = @Sendable (FeatureSet, CPUVendor) -> Bool

    static let all: [(flag: String, Predicate)] =
        same.split(separator: " ").map { (String($0), has(String($0))) }
        + renamed.map { ($0.key, has($0.value)) }
        + onAMD.map { flag, name in (flag, { has(name)($0, $1) && $1.isAMDLike }) }
        + onIntel.map { flag, name in (flag, { has(name)($0, $1) && $1 == .intel }) }

    private static func has(_ name: String) -> Predicate {
        let feature = FeatureRegistry.shared.feature(named: name)
        return { features, _ in feature.map { features.contains($0) } ?? false }
    }

    private static let same = """
        fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 pni monitor \
        ssse3 cx16 sse4_1 sse4_2 x2apic movbe popcnt aes xsave osxsave avx f16c rdrand hypervisor bmi1 hle avx2 bmi2 rtm \
        rdseed adx sgx avx512f avx512dq avx512cd avx512bw avx512vl sha_ni ht avx512vbmi avx512vbmi2 lahf_lm lm rdtscp \
        syscall abm
        """
    private static let renamed = [
        "fma3": "fma", "pclmul": "pclmulqdq", "constant_tsc": "invtsc", "avx512vnni": "avx512vnni",
    ]
    private static let onAMD = [
        "3dnowprefetch": "3dnowprefetch", "cmp_legacy": "cmp-legacy", "fma4": "fma4", "fxsr_opt": "fxsr-opt",
        "ibs": "ibs", "misalignsse": "misalignsse", "mmxext": "mmxext", "nx": "nx", "osvw": "osvw", "skinit": "skinit",
        "sse4a": "sse4a", "svm": "svm", "tbm": "tbm", "wdt": "wdt", "xop": "xop", "cpb": "cpb",
        "aperfmperf": "CPUID.80000007:EDX[10]", "pfi": "CPUID.80000007:EDX[11]", "pa": "CPUID.80000007:EDX[12]",
        "hwpstate": "hw_pstate", "ts": "CPUID.80000007:EDX[0]",
        "ttp": "CPUID.80000007:EDX[3]", "tm_amd": "CPUID.80000007:EDX[4]", "100mhzsteps": "CPUID.80000007:EDX[6]",
    ]
    private static let onIntel = [
        "acpi": "acpi", "ss": "ss", "tm": "tm", "pbe": "pbe", "vmx": "vmx", "smx": "smx", "est": "est", "tm2": "tm2",
        "xtpr": "xtpr", "dts": "ds", "dts64": "dtes64", "ds_cpl": "ds-cpl", "cid": "cid", "pdcm": "pdcm", "dca": "dca",
        "xd": "nx",
    ]
}
