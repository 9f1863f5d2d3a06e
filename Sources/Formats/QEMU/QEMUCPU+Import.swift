// SPDX-License-Identifier: Apache-2.0

public import CPUModels
import X86CPU

extension QEMUCPU {
    /// What the argument means here.
    ///
    /// Features become changes to the model; the properties that describe a CPU (`family`, `vendor`, `phys-bits`, ...)
    /// are taken over; those that are the VMM's own business are told in the notes.
    ///
    /// - Parameter name: what errors call the argument.
    /// - Throws: ``FormatError`` about a property or a model that does not exist, or has no such value.
    public func imported(into catalog: ModelCatalog, name: String) throws(FormatError) -> ImportedModel {
        var reading = PropertyReader(name: name)
        for property in properties { try reading.read(property) }
        let base = reading.base(for: model)
        if base != "host", base != "max", catalog.version(named: base) == nil {
            throw FormatError(unknownModel: base, in: catalog, file: name)
        }
        var imported = ImportedModel(
            try ModelExpression(base: base, added: reading.added, removed: reading.removed, file: name))
        imported.vendor = reading.vendor
        imported.brand = reading.brand
        imported.physicalAddressBits = reading.physicalAddressBits
        imported.failsOnUnavailable = reading.failsOnUnavailable
        imported.notes = reading.notes
        if reading.hasSignature {
            let own = catalog.version(named: base)?.signature
            imported.signature = CPUSignature(
                family: reading.family ?? own?.family ?? 0, model: reading.model ?? own?.model ?? 0,
                stepping: reading.stepping ?? own?.stepping ?? 0)
            guard imported.signature != nil else {
                throw FormatError(.syntax, file: name, "no CPU has this family, model and stepping")
            }
        }
        return imported
    }
}

/// What the properties say together.
private struct PropertyReader {
    let name: String
    var added = FeatureSet()
    var removed = FeatureSet()
    var isMigratable = true
    var vendor: CPUVendor?
    var brand: String?
    var family: UInt32?
    var model: UInt32?
    var stepping: UInt32?
    var physicalAddressBits: UInt8?
    var failsOnUnavailable: Bool?
    var notes: [String] = []

    init(name: String) { self.name = name }

    var hasSignature: Bool { family != nil || model != nil || stepping != nil }

    /// In QEMU, too, `max` leaves out what keeps a guest where it is, unless told otherwise.
    func base(for model: String) -> String {
        guard model == "host" || model == "max" else { return model }
        return isMigratable ? "host" : "max"
    }

    mutating func read(_ property: QEMUCPU.Property) throws(FormatError) {
        switch property.name {
        case "enforce": failsOnUnavailable = try isOn(property)
        case "check": if failsOnUnavailable != true { failsOnUnavailable = false }
        case "migratable": isMigratable = try isOn(property)
        case "family": family = try number(property)
        case "model": model = try number(property)
        case "stepping": stepping = try number(property)
        case "model-id": brand = property.value
        case "vendor":
            guard let vendor = CPUVendor(property.value) else {
                throw error(property, "must be the 12 characters of leaf 0")
            }
            self.vendor = vendor
        case "phys-bits":
            guard let bits: UInt8 = Formats.number(property.value), (32...52).contains(bits) || bits == 0 else {
                throw error(property, "must be 32 to 52, or 0 for the default")
            }
            physicalAddressBits = bits == 0 ? nil : bits
        default: try readFeature(property)
        }
    }

    private mutating func readFeature(_ property: QEMUCPU.Property) throws(FormatError) {
        let registry = FeatureRegistry.shared
        guard let feature = registry.feature(named: property.name) else {
            if Self.isOtherProperty(property.name) {
                notes.append(
                    "\(property.name)=\(property.value) is a property of QEMU's that has no place in a CPU model.")
                return
            }
            let suggestion = registry.nearestName(to: property.name).map { "; did you mean \"\($0)\"?" } ?? ""
            throw FormatError(
                .unknownName, file: name, "\(quoted(property.name)) is no feature and no property\(suggestion)")
        }
        if try isOn(property) {
            added.insert(feature)
            removed.remove(feature)
        } else {
            removed.insert(feature)
            added.remove(feature)
        }
    }

    private static func isOtherProperty(_ name: String) -> Bool {
        let known = [
            "level", "min-level", "xlevel", "min-xlevel", "xlevel2", "min-xlevel2", "level-func7", "min-level-func7",
            "host-phys-bits", "host-phys-bits-limit", "guest-phys-bits", "x-force-features", "l3-cache",
            "host-cache-info", "legacy-cache", "cpuid-0xb", "pmu", "lmce", "kvm", "tsc-frequency", "tcg-cpuid",
            "fill-mtrr-mask", "kvm-no-smi-migration", "kvm-pv-enforce-cpuid", "ucode-rev", "vmware-cpuid-freq",
            "avx10-version", "lbr-fmt", "full-cpuid-auto-level", "x-vendor-cpuid-only",
        ]
        return known.contains(name) || ["hv-", "hv_", "xen-", "x-"].contains { name.hasPrefix($0) }
    }

    private func isOn(_ property: QEMUCPU.Property) throws(FormatError) -> Bool {
        switch property.value {
        case "on", "yes", "true", "y": return true
        case "off", "no", "false", "n": return false
        default: throw error(property, "must be on or off, not \(quoted(property.value))")
        }
    }

    private func number(_ property: QEMUCPU.Property) throws(FormatError) -> UInt32 {
        guard let value: UInt32 = Formats.number(property.value) else {
            throw error(property, "must be a number, not \(quoted(property.value))")
        }
        return value
    }

    private func error(_ property: QEMUCPU.Property, _ message: String) -> FormatError {
        FormatError(.syntax, file: name, "\(property.name) \(message)")
    }
}
