// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPUModelControl
import GuestCPU
import JSON

/// What a VM's owner may choose of its CPU beside model and topology: an option a parameter of `table.compute`.
struct GuestOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Width of guest physical addresses, 32 to 52. (default: the host's)", valueName: "bits"))
    var physicalAddressBits: Int64?

    @Option(help: ArgumentHelp("The most bits to take of the host's width.", valueName: "bits"))
    var physicalAddressLimit: Int64?

    @Option(
        name: .customLong("apic-ids"),
        help: ArgumentHelp("x2APIC ids of all vCPUs in topology order, such as '0-2,4-6'.", valueName: "list"))
    var apicIDs: VCPUsArgument?

    @Option(help: "Where the caches come from that the guest is told of. (default: model)")
    var caches: GuestCPU.Options.Caches?

    @Flag(help: "Give the guest the host's performance counters.")
    var pmu = false

    @Option(
        name: .customLong("tsc-khz"),
        help: ArgumentHelp("Tell the guest this frequency of its TSC, as given to KVM_SET_TSC_KHZ.", valueName: "kHz"))
    var tscKHz: Int64?

    @Option(help: ArgumentHelp("The highest basic leaf, in hexadecimal. (default: what is needed)", valueName: "leaf"))
    var level: HexadecimalArgument?

    @Option(
        help: ArgumentHelp("The highest extended leaf, in hexadecimal. (default: what is needed)", valueName: "leaf"))
    var extendedLevel: HexadecimalArgument?

    @Flag(help: "Give leaf 0x1F, or 0x80000026 on AMD, for any topology.")
    var extendedTopology = false

    @Flag(inversion: .prefixedNo, help: "Let the guest see KVM.")
    var kvm = true

    @Option(
        name: .customLong("hyper-v"),
        help: ArgumentHelp("Parts of Microsoft's hypervisor interface, such as 'relaxed,time'.", valueName: "list"))
    var hyperV: HyperVArgument?

    @Option(
        help: ArgumentHelp(
            "A section of the enclave page cache, for SGX, in hexadecimal; may be repeated.", valueName: "address:size")
    )
    var enclavePageCache: [SectionArgument] = []

    /// Whether any is given.
    var isGiven: Bool { !parameters.isEmpty }

    /// Adds the parameters to a request.
    func add(to request: inout JSONObject) {
        for (name, value) in parameters { request.set(value, for: name) }
    }

    /// Those that are given.
    private var parameters: JSONObject {
        var parameters = JSONObject()
        func set(_ name: String, _ value: JSONValue?) {
            if let value { parameters.set(value, for: name) }
        }
        set("physicalAddressBits", physicalAddressBits.map(JSONValue.integer))
        set("physicalAddressLimit", physicalAddressLimit.map(JSONValue.integer))
        set("apicIds", apicIDs.map { .array($0.numbers.map(JSONValue.integer)) })
        set("caches", caches.map { .string($0.rawValue) })
        set("pmu", pmu ? true : nil)
        set("tscKHz", tscKHz.map(JSONValue.integer))
        set("level", level.map { .string($0.text) })
        set("extendedLevel", extendedLevel.map { .string($0.text) })
        set("extendedTopology", extendedTopology ? true : nil)
        set("kvm", kvm ? nil : false)
        set("hyperV", hyperV.map { .array($0.features.map { .string($0.rawValue) }) })
        set("enclavePageCache", enclavePageCache.isEmpty ? nil : .array(enclavePageCache.map(\.parameter)))
        return parameters
    }
}

/// The value of `--hyper-v`: names with commas between.
struct HyperVArgument: ExpressibleByArgument {
    let features: [HyperVFeature]

    init?(argument: String) {
        var features: [HyperVFeature] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let feature = HyperVFeature(rawValue: String(name)) else { return nil }
            features.append(feature)
        }
        self.features = features
    }

    static var allValueStrings: [String] { HyperVFeature.allCases.map(\.rawValue) }
}

/// The value of `--enclave-page-cache`: address and size in hexadecimal.
struct SectionArgument: ExpressibleByArgument {
    let parameter: JSONValue

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = Self.number(parts[0]), let size = Self.number(parts[1]) else {
            return nil
        }
        parameter = ["address": .string(address), "size": .string(size)]
    }

    private static func number(_ text: Substring) -> String? {
        let digits = text.lowercased().hasPrefix("0x") ? text.dropFirst(2) : text
        return UInt64(digits, radix: 16).map { "0x" + String($0, radix: 16) }
    }
}
