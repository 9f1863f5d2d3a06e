// SPDX-License-Identifier: Apache-2.0

import CPUModels
import JSON
import X86CPU

/// libvirt's own models and features, to resolve the CPU definitions of its test cases.
struct LibvirtMap {
    /// A name that libvirt does not know.
    struct Unknown: Error {
        let name: String
    }

    /// A definition's features by what it says of them.
    struct Definition {
        let vendor: CPUVendor?
        let match: String
        let model: FeatureSet
        let byPolicy: [String: FeatureSet]

        /// All features with one of these policies.
        func features(_ policies: String...) -> FeatureSet {
            policies.reduce(into: []) { $0 = $0.union(byPolicy[$1] ?? []) }
        }

        /// The CPU of a host, or of a result.
        func cpu(_ name: String) -> CPUDescription {
            CPUDescription(
                name: name, origin: .model, vendor: vendor,
                features: model.union(features("require", "force")).subtracting(features("disable")))
        }
    }

    private let features: [String: FeatureSet]
    private let models: [String: FeatureSet]
    private let vendors: [String: CPUVendor]

    init() throws {
        let document = try Dumps.fact("libvirt-models.json")
        var features: [String: FeatureSet] = [:]
        for feature in document["features"]?.arrayValue ?? [] {
            var set = FeatureSet()
            for bit in feature["bits"]?.arrayValue ?? [] { set.insert(try Self.position(bit)) }
            features[feature["name"]?.stringValue ?? ""] = set
        }
        self.features = features
        var models: [String: FeatureSet] = [:]
        for model in document["models"]?.arrayValue ?? [] {
            let names = model["features"]?.arrayValue?.compactMap(\.stringValue) ?? []
            models[model["name"]?.stringValue ?? ""] = names.reduce(into: []) { $0 = $0.union(features[$1] ?? []) }
        }
        self.models = models
        vendors = ["Intel": .intel, "AMD": .amd, "Hygon": .hygon]
    }

    func definition(_ value: JSONValue) throws -> Definition {
        let name = value["model"]?.stringValue ?? ""
        guard let model = models[name] else { throw Unknown(name: name) }
        var byPolicy: [String: FeatureSet] = [:]
        for feature in value["features"]?.arrayValue ?? [] {
            let set = try self.feature(feature["name"]?.stringValue ?? "")
            byPolicy[feature["policy"]?.stringValue ?? "require", default: []] =
                (byPolicy[feature["policy"]?.stringValue ?? "require"] ?? []).union(set)
        }
        let vendor = value["vendor"]?.stringValue
        return Definition(
            vendor: try vendor.map { if let known = vendors[$0] { known } else { throw Unknown(name: $0) } },
            match: value["match"]?.stringValue ?? "exact", model: model, byPolicy: byPolicy)
    }

    func feature(_ name: String) throws -> FeatureSet {
        guard let set = features[name] else { throw Unknown(name: name) }
        return set
    }

    private static func position(_ bit: JSONValue) throws -> Feature {
        let number = UInt8(bit["bit"]?.intValue ?? 0)
        let feature: Feature?
        if let leaf = bit["leaf"]?.stringValue {
            let register = CPUIDRegister.allCases.first { $0.description == bit["reg"]?.stringValue }
            let word = FeatureWord(
                leaf: UInt32(hexadecimal: leaf), subleaf: UInt32(bit["subleaf"]?.intValue ?? 0),
                register: register ?? .eax)
            feature = word.flatMap { Feature($0, bit: number) }
        } else {
            // Of VMX controls the facts number the bits of the high half alone.
            let index = bit["msr"]?.stringValue ?? ""
            feature = Feature(position: "MSR \(index)[\(number)]") ?? Feature(position: "MSR \(index)[\(number + 32)]")
        }
        guard let feature else { throw Unknown(name: "\(bit)") }
        return feature
    }
}
