// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
public import JSON
public import X86CPU

/// What a VMM is to give its vCPUs that sets their tables itself.
public struct ComputedTables: Sendable {
    /// One vCPU.
    public struct VCPU: Sendable {
        /// Its x2APIC id.
        public let apicID: UInt32
        /// For KVM_SET_CPUID2.
        public let cpuid: CPUIDTable
    }

    /// The model with its version, as resolved.
    public let model: String
    /// As in ``AppliedVM``, if KVM takes the tables as they are.
    public let stamp: String
    /// The vCPUs in topology order.
    public let vcpus: [VCPU]
    /// For KVM_SET_MSRS, on every vCPU after its table is set.
    public let featureMSRs: [UInt32: UInt64]
    /// All of it as the daemon said it: the article Protocol of CPUModelAPI, `table.compute`.
    public let document: JSONObject

    init(reading document: JSONObject) throws(JSONShapeError) {
        var reader = ObjectReader(document, path: "result")
        model = try reader.string("model")
        stamp = try reader.string("stamp")
        vcpus = try reader.openObjects("vcpus") { vcpu throws(JSONShapeError) in
            VCPU(
                apicID: UInt32(try vcpu.integer("apicId", in: 0...Int64(UInt32.max))),
                cpuid: CPUIDTable(
                    try vcpu.openObjects("cpuid") { entry throws(JSONShapeError) in try CPUIDEntry(reading: &entry) }))
        }
        featureMSRs = try Self.msrs(in: try reader.object("featureMSRs"))
        self.document = document
    }

    private static func msrs(in values: ObjectReader) throws(JSONShapeError) -> [UInt32: UInt64] {
        var values = values
        var msrs: [UInt32: UInt64] = [:]
        for (key, _) in values.object {
            guard key.hasPrefix("0x"), let index = UInt32(key.dropFirst(2), radix: 16) else {
                throw values.error(key, "is no MSR")
            }
            msrs[index] = try values.hex64(key)
        }
        return msrs
    }
}

extension ObjectReader {
    /// An array of objects, of which a newer daemon may say more than is read here.
    mutating func openObjects<Element>(
        _ key: String, _ read: (inout ObjectReader) throws(JSONShapeError) -> Element
    ) throws(JSONShapeError) -> [Element] {
        var elements: [Element] = []
        for (position, value) in try array(key).enumerated() {
            let path = "\(path).\(key)[\(position)]"
            guard let object = value.objectValue else {
                throw JSONShapeError(path: path, message: "must be an object, not \(value.kindName)")
            }
            var reader = ObjectReader(object, path: path)
            elements.append(try read(&reader))
        }
        return elements
    }
}
