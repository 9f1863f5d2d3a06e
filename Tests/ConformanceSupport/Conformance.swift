// SPDX-License-Identifier: Apache-2.0

public import CPUModels
import Glibc
public import JSON
public import X86CPU

/// The conformance data: real hosts, and what other programs made of them. It is not part of a clone; tests that need
/// it are skipped, saying so, where it is absent.
public enum Conformance {
    /// `CPUMODELD_CONFORMANCE`, or `../shared/conformance`.
    public static let directory: String = {
        unsafe getenv("CPUMODELD_CONFORMANCE").map { unsafe String(cString: $0) } ?? "../shared/conformance"
    }()

    /// Whether the data is here.
    public static let isPresent = unsafe access(directory, R_OK) == 0

    /// What a skipped test says.
    public static let absence = "no conformance data (set CPUMODELD_CONFORMANCE)"

    /// The names of the files in a folder of the data, with this ending, sorted.
    public static func files(in folder: String, ending: String) -> [String] {
        guard let stream = unsafe opendir("\(directory)/\(folder)") else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(ending) { names.append(name) }
        }
        return names.sorted()
    }

    /// A JSON file of the data.
    public static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: bytes("\(directory)/\(path)"), limits: JSONLimits(maxBytes: 1 << 24))
    }

    /// The catalog under `config/models`.
    public static func catalog() throws -> ModelCatalog {
        guard let stream = unsafe opendir("config/models") else { throw Missing(path: "config/models") }
        defer { unsafe closedir(stream) }
        var files: [(name: String, bytes: [UInt8])] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".cpumodel") { files.append((name, try bytes("config/models/\(name)"))) }
        }
        return try ModelCatalog(files: files)
    }

    /// All bytes of a file.
    public static func bytes(_ path: String) throws -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Missing(path: path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe read(file, &chunk, chunk.count)
            guard count > 0 else { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    /// A file that is not there.
    public struct Missing: Error {
        /// Its path.
        public let path: String
    }
}

extension HostCPU {
    /// A host from a file of the conformance data's `kvm-hosts`.
    public init(kvmHost document: JSONValue) throws {
        let supported = try CPUIDTable(kvmHost: document["supported_cpuid"])
        let native = try CPUIDTable(kvmHost: document["host_cpuid"])
        let identity = Identity(
            vendor: CPUVendor(table: supported) ?? .intel, signature: CPUSignature(eax: supported.value(1, 0, .eax)),
            kernel: document["kernel"]?.stringValue ?? "")
        var msrs: [UInt32: UInt64] = [:]
        for (index, value) in document["feature_msrs"]?.objectValue ?? JSONObject() {
            msrs[UInt32(try hexadecimal(.string(index)))] = try hexadecimal(value)
        }
        var capabilities: [String: Int] = [:]
        for (name, value) in document["caps"]?.objectValue ?? JSONObject() {
            capabilities[name] = value.intValue.map { Int($0) }
        }
        self.init(
            identity: identity, supported: supported, emulated: try CPUIDTable(kvmHost: document["emulated_cpuid"]),
            native: native, featureMSRs: msrs, capabilities: capabilities)
    }
}

extension CPUIDTable {
    /// A table from a list of the conformance data.
    public init(kvmHost list: JSONValue?) throws {
        self.init(
            try (list?.arrayValue ?? []).map { entry in
                func register(_ name: String) throws -> UInt32 { UInt32(try hexadecimal(entry[name])) }
                let flags = try register("flags")
                return CPUIDEntry(
                    try register("leaf"), flags & 1 != 0 ? .exact(try register("subleaf")) : .any,
                    eax: try register("eax"), ebx: try register("ebx"), ecx: try register("ecx"),
                    edx: try register("edx"))
            })
    }
}

private struct NotHexadecimal: Error {
    let value: JSONValue?
}

private func hexadecimal(_ value: JSONValue?) throws -> UInt64 {
    guard let text = value?.stringValue, text.hasPrefix("0x"), let number = UInt64(text.dropFirst(2), radix: 16) else {
        throw NotHexadecimal(value: value)
    }
    return number
}
