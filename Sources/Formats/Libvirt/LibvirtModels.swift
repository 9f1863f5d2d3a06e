// SPDX-License-Identifier: Apache-2.0

import CLibvirtModels
import UnitSyntax
public import X86CPU

/// A CPU model of libvirt's, with the features that libvirt, and not QEMU, counts as part of it.
public struct LibvirtModel: Sendable, Hashable {
    /// The name, for example `Skylake-Client-noTSX-IBRS`.
    public let name: String
    /// The vendor; nil for models that guests of any host may have.
    public let vendor: CPUVendor?
    /// The features.
    public let features: FeatureSet
}

/// The CPU models that libvirt knows by name, as `models.list` tells them.
public struct LibvirtModels: Sendable {
    /// The list that is part of the program.
    public static let shared = LibvirtModels(parsing: embedded)

    /// All models, in libvirt's order: newer ones follow older ones of the same vendor.
    public let all: [LibvirtModel]
    /// The lines of the list that could not be used. None in the program's own, or it was built wrong.
    public let problems: [String]

    private let byName: [String: LibvirtModel]

    /// The model of that name.
    public subscript(name: String) -> LibvirtModel? { byName[name] }

    /// The models of a list's bytes.
    init(parsing bytes: [UInt8]) {
        var all: [LibvirtModel] = []
        var byName: [String: LibvirtModel] = [:]
        var problems: [String] = []
        do throws(UnitSyntaxError) {
            for section in try UnitFile(parsing: bytes, file: "models.list").sections {
                let model = Self.model(section, byName, &problems)
                all.append(model)
                if byName.updateValue(model, forKey: model.name) != nil {
                    problems.append("\(model.name) is there twice")
                }
            }
        } catch {
            problems.append(error.description)
        }
        self.all = all
        self.byName = byName
        self.problems = problems
    }

    private static func model(
        _ section: UnitSection, _ known: [String: LibvirtModel], _ problems: inout [String]
    ) -> LibvirtModel {
        let words = section.name.split(separator: " ")
        let vendor = words.count > 1 ? vendor(String(words[1])) : nil
        if words.count > 2 || (words.count == 2 && vendor == nil) { problems.append("[\(section.name)] is no header") }
        var features = FeatureSet()
        for line in section.assignments {
            switch line.key {
            case "Base":
                if known[line.value] == nil { problems.append(line.error("names no model above").description) }
                features = known[line.value]?.features ?? []
            case "Add": features = features.union(read(line, &problems))
            case "Remove": features = features.subtracting(read(line, &problems))
            default: problems.append(line.error("is no key of a model").description)
            }
        }
        return LibvirtModel(name: String(words.first ?? ""), vendor: vendor, features: features)
    }

    private static func read(_ line: UnitAssignment, _ problems: inout [String]) -> FeatureSet {
        FeatureSet(
            line.value.split(separator: " ").compactMap { name in
                let feature = FeatureRegistry.shared.feature(named: String(name))
                if feature == nil { problems.append(line.error("has \(name), which is no feature").description) }
                return feature
            })
    }

    /// The vendor that libvirt calls so.
    static func vendor(_ name: String) -> CPUVendor? {
        switch name {
        case "Intel": .intel
        case "AMD": .amd
        case "Hygon": .hygon
        default: nil
        }
    }

    /// What libvirt calls a vendor; nil for those it has no name for.
    static func name(of vendor: CPUVendor) -> String? {
        ["Intel", "AMD", "Hygon"].first { Self.vendor($0) == vendor }
    }

    private static var embedded: [UInt8] {
        // An array of the C file: immutable, alive for ever, and the size is the compiler's.
        unsafe Array(UnsafeBufferPointer(start: clibvirtmodels_bytes(), count: clibvirtmodels_size))
    }
}
