// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Foundation
import Testing
import UnitSyntax
import X86CPU

/// The models that this package ships.
enum Shipped {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("config/models").path

    static func files() throws -> [(name: String, bytes: [UInt8])] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".cpumodel") }.sorted().map {
            ($0, [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))))
        }
    }

    static let catalog: Result<ModelCatalog, any Error> = Result { try ModelCatalog(files: try files()) }
}

/// A feature by name, in tests where it exists.
func feature(_ name: String) throws -> Feature {
    try #require(FeatureRegistry.shared.feature(named: name), "there is no feature \(name)")
}

/// Features by name.
func features(_ names: String) throws -> FeatureSet {
    FeatureSet(try names.split(separator: " ").map { try feature(String($0)) })
}

extension FeatureSet {
    /// The names, for messages.
    var names: [String] { map { FeatureRegistry.shared.name(of: $0) } }
}

extension FixedWidthInteger {
    init(hex text: String) {
        self = Self(text.dropFirst(2), radix: 16) ?? 0
    }
}

/// The facts and recorded hosts that live beside the repository.
enum Facts {
    static let conformance = ProcessInfo.processInfo.environment["CPUMODELD_CONFORMANCE"] ?? "../shared/conformance"
    static let folder = conformance + "/../facts"
    static let areAvailable = FileManager.default.fileExists(atPath: folder + "/models.json")
    static let missing = "no facts beside CPUMODELD_CONFORMANCE (\(conformance))"

    static func decode<T: Decodable>(_ path: String) throws -> T {
        try JSONDecoder().decode(T.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// A recorded host, as `kvm-hosts` and `qemu-tables/hosts` have them.
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

    static func named(_ name: String) throws -> HostCPU {
        for folder in ["kvm-hosts", "qemu-tables/hosts"] {
            let path = "\(Facts.conformance)/\(folder)/\(name).json"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let recorded: RecordedHost = try Facts.decode(path)
            return recorded.host
        }
        throw CocoaError(.fileNoSuchFile)
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
