// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

extension GuestCPU.Options: JSONReadable, JSONWritable {
    /// Reads the options, among the parameters of `table.compute` and `vm.apply` or by themselves, each at its default
    /// where it is left out.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        self.init(
            physicalAddressBits: try Self.addressBits(&reader),
            physicalAddressLimit: try reader.optionalInteger("physicalAddressLimit", in: 32...52).map { UInt8($0) },
            apicIDs: try reader.optionalIntegers("apicIds", in: 0...Int64(UInt32.max))?.map { UInt32($0) },
            caches: try reader.enumeration("caches", default: Caches.model),
            hasPMU: try reader.bool("pmu", default: false),
            tscKHz: try reader.optionalInteger("tscKHz", in: 1...Int64(UInt32.max)).map { UInt32($0) },
            level: try Self.level("level", in: 1...0xFFFF, &reader),
            extendedLevel: try Self.level("extendedLevel", in: 0x8000_0000...0x8000_FFFF, &reader),
            hasExtendedTopology: try reader.bool("extendedTopology", default: false),
            exposesKVM: try reader.bool("kvm", default: true), hyperV: try Self.hyperV(&reader),
            enclavePageCache: try Self.enclavePageCache(&reader))
    }

    /// Writes those that are not at their default, each as the parameter that asks for it.
    public func write(to writer: inout JSONWriter) {
        let defaults = GuestCPU.Options()
        writer.object { writer in
            if let physicalAddressBits { writer.member("physicalAddressBits", UInt32(physicalAddressBits)) }
            if let physicalAddressLimit { writer.member("physicalAddressLimit", UInt32(physicalAddressLimit)) }
            if let apicIDs { writer.member("apicIds", apicIDs) }
            if caches != defaults.caches { writer.member("caches", caches.rawValue) }
            if hasPMU != defaults.hasPMU { writer.member("pmu", hasPMU) }
            if let tscKHz { writer.member("tscKHz", tscKHz) }
            if let level { writer.member("level", hex: UInt64(level)) }
            if let extendedLevel { writer.member("extendedLevel", hex: UInt64(extendedLevel)) }
            if hasExtendedTopology != defaults.hasExtendedTopology {
                writer.member("extendedTopology", hasExtendedTopology)
            }
            if exposesKVM != defaults.exposesKVM { writer.member("kvm", exposesKVM) }
            if !hyperV.isEmpty { writer.member("hyperV", hyperV.map(\.rawValue).sorted()) }
            if !enclavePageCache.isEmpty { writer.member("enclavePageCache", enclavePageCache) }
        }
    }

    /// An integer, or the word `host`.
    private static func addressBits(_ reader: inout ObjectReader) throws(JSONShapeError) -> UInt8? {
        let key = "physicalAddressBits"
        switch reader.value(key) {
        case nil, .null, .string("host"): return nil
        case .integer(let bits) where 32...52 ~= bits: return UInt8(bits)
        default: throw reader.error(key, "must be \"host\" or an integer from 32 to 52")
        }
    }

    private static func level(
        _ key: String, in range: ClosedRange<UInt32>, _ reader: inout ObjectReader
    ) throws(JSONShapeError) -> UInt32? {
        guard let level = try reader.optionalHex32(key) else { return nil }
        guard range.contains(level) else {
            let (low, high) = (String(range.lowerBound, radix: 16), String(range.upperBound, radix: 16))
            throw reader.error(key, "must be from \"0x\(low)\" to \"0x\(high)\"")
        }
        return level
    }

    private static func hyperV(_ reader: inout ObjectReader) throws(JSONShapeError) -> Set<HyperVFeature> {
        var features: Set<HyperVFeature> = []
        for (number, name) in (try reader.optionalStrings("hyperV") ?? []).enumerated() {
            guard let feature = HyperVFeature(rawValue: name) else {
                let known = HyperVFeature.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                throw JSONShapeError(path: "\(reader.path).hyperV[\(number)]", message: "must be one of \(known)")
            }
            features.insert(feature)
        }
        return features
    }

    private static func enclavePageCache(
        _ reader: inout ObjectReader
    ) throws(JSONShapeError) -> [EnclavePageCacheSection] {
        let sections: [SectionParameters] = try reader.optionalReadArray("enclavePageCache") ?? []
        // Subleaf 2 is the first; KVM takes no more than 256 entries in all.
        guard sections.count <= 64 else { throw reader.error("enclavePageCache", "must have at most 64 sections") }
        return sections.map(\.section)
    }

    static let schema = Schema.object(members, "what the VM's owner chose, where that is not the default")

    static let members: [Schema.Member] = [
        .optional(
            "apicIds", .array(.integer(0...Int64(UInt32.max), ""), "x2APIC id of every vCPU, in topology order")),
        .optional("physicalAddressBits", .any("\"host\", the default, or an integer from 32 to 52")),
        .optional("physicalAddressLimit", .integer(32...52, "the most address bits where the host's width is taken")),
        .optional(
            "caches", .choice(Caches.allCases.map(\.rawValue), "where the caches come from; \"model\" when left out")),
        .optional("pmu", .boolean("whether the guest gets the host's performance counters")),
        .optional(
            "tscKHz",
            .integer(1...Int64(UInt32.max), "the TSC's frequency, as given to KVM_SET_TSC_KHZ, to tell the guest")),
        .optional("level", .hex("the highest basic leaf; as the features need it when left out")),
        .optional("extendedLevel", .hex("the highest extended leaf; as the features need it when left out")),
        .optional("extendedTopology", .boolean("leaf 0x1F, or 0x80000026 on AMD, for any topology")),
        .optional("kvm", .boolean("whether the guest may see KVM; true when left out")),
        .optional(
            "hyperV",
            .array(
                .choice(HyperVFeature.allCases.map(\.rawValue), ""),
                "parts of Microsoft's hypervisor interface to offer"
            )),
        .optional("enclavePageCache", .array(SectionParameters.schema, "sections of the enclave page cache, for SGX")),
    ]
}

extension EnclavePageCacheSection: JSONWritable {
    /// Writes the section as the parameter `enclavePageCache` has it.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", hex: address)
            writer.member("size", hex: size)
        }
    }
}

/// One section of the parameter `enclavePageCache`.
private struct SectionParameters: JSONReadable {
    let section: EnclavePageCacheSection

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let (address, size) = (try reader.hex64("address"), try reader.hex64("size"))
        guard let section = EnclavePageCacheSection(address: address, size: size) else {
            throw JSONShapeError(
                path: reader.path, message: "must be whole pages of 4096 bytes below 2^52, and at least one")
        }
        self.section = section
    }

    static let schema = Schema.object(
        [.required("address", .hex("guest physical address")), .required("size", .hex("bytes"))], "")
}
