// SPDX-License-Identifier: Apache-2.0

import JSON
import X86CPU

extension CPUDump {
    /// Reads what KVM answered, ioctl by ioctl: `supported_cpuid`, `emulated_cpuid`, `feature_msrs`, `caps`, and
    /// `host_cpuid`, what the CPUID instruction returns there.
    init(kvmAnswers object: JSONObject, name: String) throws(JSONShapeError) {
        var reader = ObjectReader(object, path: "")
        for key in ["host", "api_version", "synthetic"] { _ = reader.value(key) }
        let kernel = try reader.optionalString("kernel") ?? ""
        let supported = try reader.kvmTable("supported_cpuid")
        let emulated = try reader.kvmTable("emulated_cpuid")
        let native = try reader.kvmTable("host_cpuid")
        var msrs: [UInt32: UInt64] = [:]
        if var values = try reader.optionalObject("feature_msrs") {
            for index in values.object.keys {
                guard let number: UInt32 = number(index) else { throw values.error(index, "is no index of an MSR") }
                msrs[number] = try values.hex64(index)
            }
        }
        var capabilities: [String: Int] = [:]
        if var values = try reader.optionalObject("caps") {
            for key in values.object.keys { capabilities[key] = Int(try values.integer(key)) }
        }
        try reader.finish()
        guard let vendor = CPUVendor(table: supported) else {
            throw reader.error("supported_cpuid", "has no leaf 0 that names a vendor")
        }
        let identity = HostCPU.Identity(
            vendor: vendor, signature: CPUSignature(eax: supported.value(1, 0, .eax)), brand: native.brand,
            kernel: kernel)
        self.init(
            host: HostCPU(
                identity: identity, supported: supported, emulated: emulated, native: native, featureMSRs: msrs,
                capabilities: capabilities), name: name, format: .kvmAnswers)
    }
}

extension ObjectReader {
    fileprivate mutating func kvmTable(_ key: String) throws(JSONShapeError) -> CPUIDTable {
        let rows = try optionalReadArray(key, of: KVMEntry.self) ?? []
        guard rows.count <= FormatLimits.rowsOfCPU else {
            throw error(key, "has more than \(FormatLimits.rowsOfCPU) entries")
        }
        return CPUIDTable(rows.map(\.entry))
    }
}

/// A `struct kvm_cpuid_entry2` in JSON.
private struct KVMEntry: JSONReadable {
    let entry: CPUIDEntry

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let leaf = try reader.hex32("leaf")
        let subleaf = try reader.hex32("subleaf")
        let counts = try reader.hex32("flags") & 1 != 0
        entry = CPUIDEntry(
            leaf, counts ? .exact(subleaf) : .any, eax: try reader.hex32("eax"), ebx: try reader.hex32("ebx"),
            ecx: try reader.hex32("ecx"), edx: try reader.hex32("edx"))
    }
}
