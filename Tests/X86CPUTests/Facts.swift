// SPDX-License-Identifier: Apache-2.0

import Foundation
import X86CPU

/// The facts and recorded hosts that live beside the repository.
enum Facts {
    /// The folder of recorded hosts: `CPUMODELD_CONFORMANCE`, or the place where a checkout usually has it.
    static let conformance = ProcessInfo.processInfo.environment["CPUMODELD_CONFORMANCE"] ?? "../shared/conformance"
    /// The folder of facts.
    static let folder = conformance + "/../facts"
    /// Whether they are there; tests that need them say so and are skipped.
    static let areAvailable = FileManager.default.fileExists(atPath: folder + "/features.json")
    /// What a skipped test says.
    static let missing = "no facts beside CPUMODELD_CONFORMANCE (\(conformance))"

    static func decode<T: Decodable>(_ path: String) throws -> T {
        try JSONDecoder().decode(T.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// `features.json`.
struct FeatureFacts: Decodable {
    struct Need: Decodable {
        let name: String
        let sources: [String]
    }

    struct Names: Decodable {
        let qemu, libvirt, linux, xen: String?
        let qemu_aliases, libvirt_aliases: [String]?
    }

    struct Xen: Decodable {
        let guests: String?
        let special, accumulate_over_pool: Bool
    }

    struct Feature: Decodable {
        let name: String
        let leaf: String?
        let subleaf: UInt32?
        let reg: String?
        let msr: String?
        let bit: UInt8
        let names: Names
        let depends_on: [Need]
        let xen: Xen?
        let unmigratable_in_qemu, unmigratable_in_libvirt, not_auto_enabled_in_qemu: Bool?

        /// The bit's place, by the facts alone.
        var place: X86CPU.Feature? {
            if let leaf, let reg {
                let register = CPUIDRegister.allCases.first { $0.description == reg }
                let word = register.flatMap {
                    FeatureWord(leaf: UInt32(hex: leaf), subleaf: subleaf ?? 0, register: $0)
                }
                return word.flatMap { X86CPU.Feature($0, bit: bit) }
            }
            let index = UInt32(hex: msr ?? "0x0")
            let word =
                FeatureWord(.msr(index: index, allowedOne: false)) ?? FeatureWord(.msr(index: index, allowedOne: true))
            return word.flatMap { X86CPU.Feature($0, bit: bit) }
        }
    }

    struct Component: Decodable {
        let component: UInt8
        let name: String
        let size: UInt32
        let standard_offset: UInt32?
        let supervisor, align64: Bool
        let enabled_by_any_of: [String]
    }

    let features: [Feature]
    let xsave_components: [Component]
}

/// A file of `kvm-hosts`.
struct RecordedHost: Decodable {
    struct Entry: Decodable {
        let leaf, subleaf, flags, eax, ebx, ecx, edx: String

        var entry: CPUIDEntry {
            CPUIDEntry(
                UInt32(hex: leaf), UInt32(hex: flags) & 1 == 1 ? .exact(UInt32(hex: subleaf)) : .any,
                eax: UInt32(hex: eax), ebx: UInt32(hex: ebx), ecx: UInt32(hex: ecx), edx: UInt32(hex: edx))
        }
    }

    let supported_cpuid: [Entry]
    let emulated_cpuid: [Entry]?
    let host_cpuid: [Entry]?
    let feature_msrs: [String: String]?
    let caps: [String: Int]?

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: Facts.conformance + "/kvm-hosts")
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }

    static func named(_ name: String) throws -> HostCPU {
        let recorded: RecordedHost = try Facts.decode(Facts.conformance + "/kvm-hosts/\(name).json")
        return recorded.host
    }

    var host: HostCPU {
        let supported = CPUIDTable(supported_cpuid.map(\.entry))
        return HostCPU(
            identity: HostCPU.Identity(
                vendor: CPUVendor(table: supported) ?? .intel,
                signature: CPUSignature(eax: supported.value(1, 0, .eax))),
            supported: supported, emulated: CPUIDTable((emulated_cpuid ?? []).map(\.entry)),
            native: CPUIDTable((host_cpuid ?? []).map(\.entry)),
            featureMSRs: [UInt32: UInt64](
                uniqueKeysWithValues: (feature_msrs ?? [:]).map { (UInt32(hex: $0.key), UInt64(hex: $0.value)) }),
            capabilities: caps ?? [:])
    }
}

/// Dumps of real CPUs.
enum RecordedCPU {
    private struct LibvirtHost: Decodable {
        struct Row: Decodable {
            let leaf, eax, ebx, ecx, edx: String
            let subleaf: UInt32
        }

        let cpuid: [Row]
    }

    static func libvirt() throws -> [(name: String, table: CPUIDTable)] {
        let folder = Facts.conformance + "/libvirt-cputestdata"
        return try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".json") && $0 != "cases.json" }.sorted().map { file in
                let host: LibvirtHost = try Facts.decode("\(folder)/\(file)")
                let entries = host.cpuid.map {
                    CPUIDEntry(
                        UInt32(hex: $0.leaf), .exact($0.subleaf), eax: UInt32(hex: $0.eax), ebx: UInt32(hex: $0.ebx),
                        ecx: UInt32(hex: $0.ecx), edx: UInt32(hex: $0.edx))
                }
                return (file, CPUIDTable(entries))
            }
    }

    /// The first CPU of each dump. A leaf that comes again is the next subleaf.
    static func libcpuid() throws -> [(name: String, table: CPUIDTable)] {
        let folder = Facts.conformance + "/libcpuid/raw"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { file in
            let text = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
            var table = CPUIDTable()
            var next: [UInt32: UInt32] = [:]
            for line in text.split(whereSeparator: \.isNewline) {
                if line.hasPrefix("CPU#"), !line.hasPrefix("CPU#000") { break }
                let words = line.split { " \t:-=".contains($0) }.prefix(6).map(String.init)
                guard words.count >= 5, let leaf = leaf(words) else { continue }
                let values = words.suffix(4).compactMap { UInt32($0, radix: 16) }
                guard values.count == 4 else { continue }
                let subleaf = next[leaf, default: 0]
                next[leaf] = subleaf + 1
                table.append(
                    CPUIDEntry(
                        leaf, .exact(subleaf), eax: values[0], ebx: values[1], ecx: values[2], edx: values[3]))
            }
            return (file, table.withoutLeavesOutOfRange)
        }
    }

    /// The leaf of a line `CPUID 00000001: ...` or `ext_cpuid[1]=...`; nil for other lines.
    private static func leaf(_ words: [String]) -> UInt32? {
        if words[0] == "CPUID" { return UInt32(words[1], radix: 16) }
        for (prefix, base) in [("basic_cpuid[", 0), ("ext_cpuid[", 0x8000_0000)] as [(String, UInt32)]
        where words[0].hasPrefix(prefix) {
            return UInt32(words[0].dropFirst(prefix.count).dropLast()).map { base + $0 }
        }
        return nil
    }
}

extension CPUIDTable {
    /// The table without what lies beyond the limits it tells, where an Intel CPU answers with another leaf, and without
    /// a hypervisor's own leaves.
    var withoutLeavesOutOfRange: CPUIDTable {
        removing {
            switch $0.leaf {
            case 7: $0.subleaf.index > value(7, 0, .eax) || value(0, 0, .eax) < 7
            case 0x8000_0000...: $0.leaf > value(0x8000_0000, 0, .eax)
            case 0x4000_0000...: true
            default: $0.leaf > value(0, 0, .eax)
            }
        }
    }
}

extension FixedWidthInteger {
    init(hex text: String) {
        self = Self(text.dropFirst(2), radix: 16) ?? 0
    }
}
