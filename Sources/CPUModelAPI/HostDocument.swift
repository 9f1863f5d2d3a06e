// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

/// A HostCPU as a JSON document: what `host.describe` returns and `host` parameters take.
public struct HostDocument: JSONReadable, JSONWritable, Sendable {
    /// The value of the member `format`.
    public static let format = "cpumodeld-host-1"

    /// The host.
    public let host: HostCPU

    /// A document of this host.
    public init(_ host: HostCPU) { self.host = host }

    /// Reads a document.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        guard try reader.string("format") == Self.format else {
            throw reader.error("format", "must be \"\(Self.format)\"")
        }
        var signature = try reader.object("signature")
        let family = try signature.integer("family", in: 0...270)
        let model = try signature.integer("model", in: 0...255)
        let stepping = try signature.integer("stepping", in: 0...15)
        try signature.finish()
        guard let vendor = CPUVendor(try reader.string("vendor")) else {
            throw reader.error("vendor", "must be the 12 characters of leaf 0")
        }
        guard
            let cpuSignature = CPUSignature(
                family: UInt32(family), model: UInt32(model), stepping: UInt32(stepping))
        else { throw reader.error("signature", "is not one that leaf 1 can encode") }
        let identity = HostCPU.Identity(
            vendor: vendor, signature: cpuSignature, brand: try reader.optionalString("brand") ?? "",
            microcode: try reader.optionalHex32("microcode") ?? 0, kernel: try reader.optionalString("kernel") ?? "",
            module: try reader.optionalString("module") ?? "")
        host = HostCPU(
            identity: identity, supported: try Self.table("supportedCPUID", &reader, isRequired: true),
            emulated: try Self.table("emulatedCPUID", &reader), native: try Self.table("nativeCPUID", &reader),
            hyperV: try Self.table("hyperVCPUID", &reader), featureMSRs: try Self.msrs("featureMSRs", &reader),
            capabilities: try Self.capabilities(&reader))
    }

    /// Writes the document.
    public func write(to writer: inout JSONWriter) {
        let identity = host.identity
        writer.object { writer in
            writer.member("format", Self.format)
            writer.member("vendor", identity.vendor.description)
            writer.member("signature", identity.signature)
            writer.member("brand", identity.brand)
            writer.member("microcode", hex32: identity.microcode)
            writer.member("kernel", identity.kernel)
            writer.member("module", identity.module)
            writer.member("supportedCPUID", host.supported)
            writer.member("emulatedCPUID", host.emulated)
            writer.member("nativeCPUID", host.native)
            if !host.hyperV.entries.isEmpty { writer.member("hyperVCPUID", host.hyperV) }
            writer.member("featureMSRs", MSRValues(host.featureMSRs))
            writer.object("capabilities") { writer in
                for (name, value) in host.capabilities.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
            }
        }
    }

    private static func table(
        _ key: String, _ reader: inout ObjectReader, isRequired: Bool = false
    ) throws(JSONShapeError) -> CPUIDTable {
        let entries: [CPUIDEntry]? =
            isRequired ? try reader.readArray(key) : try reader.optionalReadArray(key)
        return CPUIDTable(entries ?? [])
    }

    private static func msrs(_ key: String, _ reader: inout ObjectReader) throws(JSONShapeError) -> [UInt32: UInt64] {
        guard var msrs = try reader.optionalObject(key) else { return [:] }
        var values: [UInt32: UInt64] = [:]
        for name in msrs.object.keys {
            guard name.hasPrefix("0x"), let index = UInt32(name.dropFirst(2), radix: 16) else {
                throw msrs.error(name, "is not the index of an MSR in hexadecimal, such as \"0x10a\"")
            }
            values[index] = try msrs.hex64(name)
        }
        return values
    }

    private static func capabilities(_ reader: inout ObjectReader) throws(JSONShapeError) -> [String: Int] {
        guard var capabilities = try reader.optionalObject("capabilities") else { return [:] }
        var values: [String: Int] = [:]
        for name in capabilities.object.keys { values[name] = Int(try capabilities.integer(name)) }
        return values
    }
}

extension HostDocument {
    static let schema = Schema.object(
        [
            .required("format", .choice([format], "")),
            .required("vendor", .string("the 12 characters of leaf 0")),
            .required("signature", .signature),
            .optional("brand", .string("brand string")),
            .optional("microcode", .hex("microcode revision")),
            .optional("kernel", .string("kernel release")),
            .optional("module", .string("KVM vendor module")),
            .required("supportedCPUID", .cpuidTable("KVM_GET_SUPPORTED_CPUID, without APIC ids")),
            .optional("emulatedCPUID", .cpuidTable("KVM_GET_EMULATED_CPUID")),
            .optional("nativeCPUID", .cpuidTable("what the CPUID instruction returns on the host")),
            .optional("hyperVCPUID", .cpuidTable("KVM_GET_SUPPORTED_HV_CPUID")),
            .optional("featureMSRs", .msrs("the most that KVM offers in each feature MSR")),
            .optional("capabilities", .dictionary(.integer(0...(.max), ""), "KVM_CHECK_EXTENSION by name")),
        ], "a host's CPU as its KVM offers it")
}
