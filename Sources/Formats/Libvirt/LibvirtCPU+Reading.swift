// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

extension LibvirtCPU {
    /// Reads the one CPU of a document: a `<cpu>` alone, or that of a `<domain>`, of `<domainCapabilities>` (the mode
    /// host-model) or of a host's `<capabilities>`.
    ///
    /// - Throws: ``FormatError`` with line and column; also when the document has none, or several.
    public static func read(_ bytes: [UInt8], name: String) throws(FormatError) -> LibvirtCPU {
        let all = try readAll(bytes, name: name)
        guard let first = all.first, all.count == 1 else {
            throw FormatError(
                .unsupported, file: name, "there must be one CPU in the document, and there are \(all.count)")
        }
        return first
    }

    /// Reads every CPU of a document, such as the list that `virsh cpu-baseline` takes.
    ///
    /// - Throws: ``FormatError`` with line and column.
    public static func readAll(_ bytes: [UInt8], name: String) throws(FormatError) -> [LibvirtCPU] {
        let root = try XMLReader.read(bytes, file: name, limit: FormatLimits.documentBytes)
        var found: [LibvirtCPU] = []
        switch root.name {
        case "cpu": found.append(try LibvirtCPU(root, file: name))
        case "domainCapabilities":
            let modes = root.child("cpu")?.children ?? []
            for mode in modes where mode.name == "mode" && mode["name"] == "host-model" && mode["supported"] == "yes" {
                var cpu = try LibvirtCPU(mode, file: name)
                // The CPU that the mode host-model would give, written out; libvirt made it of its own definitions.
                cpu.isHostDescription = true
                found.append(cpu)
            }
        case "capabilities":
            for cpu in root.child("host")?.children ?? [] where cpu.name == "cpu" {
                found.append(try LibvirtCPU(cpu, file: name))
            }
        default:
            for cpu in root.children where cpu.name == "cpu" { found.append(try LibvirtCPU(cpu, file: name)) }
        }
        guard !found.isEmpty else {
            throw root.error(.unrecognized, file: name, "there is no \"cpu\" in \(quoted(root.name)) that tells a CPU")
        }
        return found
    }

    private init(_ element: XMLElement, file: String) throws(FormatError) {
        self.init()
        if let architecture = element.child("arch")?.text {
            guard architecture == "x86_64" || architecture == "i686" else {
                throw element.error(
                    .unsupported, file: file, "the CPU is of the architecture \(quoted(architecture)), not x86")
            }
            isHostDescription = true
        }
        mode = try element.choice("mode", file: file) ?? .custom
        match = element["match"]
        check = element["check"]
        isMigratable = element["migratable"].map { $0 == "on" }
        // In the modes of a host the element may be there without a name, for its attributes.
        if let model = element.child("model")?.text, !model.isEmpty { self.model = model }
        vendor = element.child("vendor")?.text
        if let signature = element.child("signature") { self.signature = try Self.signature(signature, file: file) }
        if let width = element.child("maxphysaddr"), width["bits"] != nil {
            let bits = try width.number("bits", file: file)
            guard (32...52).contains(bits) else {
                throw width.error(.syntax, file: file, "an address has 32 to 52 bits, not \(bits)")
            }
            physicalAddressBits = UInt8(bits)
        }
        try readFeatures(element, file: file)
        if mode == .custom, model == nil, !features.isEmpty {
            throw element.error(.syntax, file: file, "the CPU has features and no model")
        }
    }

    private mutating func readFeatures(_ element: XMLElement, file: String) throws(FormatError) {
        let registry = FeatureRegistry.shared
        var seen = FeatureSet()
        for child in element.children where child.name == "feature" {
            guard let name = child["name"] else { throw child.error(.syntax, file: file, "the feature has no name") }
            let policy: Policy = try child.choice("policy", file: file) ?? .require
            guard let feature = registry.feature(named: name) else {
                let suggestion = registry.nearestName(to: name).map { "; did you mean \"\($0)\"?" } ?? ""
                throw child.error(.unknownName, file: file, "\(quoted(name)) is no feature\(suggestion)")
            }
            guard !seen.contains(feature) else {
                throw child.error(.syntax, file: file, "the feature \(quoted(name)) is there already")
            }
            seen.insert(feature)
            features.append(FeatureElement(feature: feature, name: name, policy: policy))
        }
    }

    private static func signature(_ element: XMLElement, file: String) throws(FormatError) -> CPUSignature {
        let signature = CPUSignature(
            family: try element.number("family", file: file), model: try element.number("model", file: file),
            stepping: try element.number("stepping", file: file, default: 0))
        guard let signature else { throw element.error(.syntax, file: file, "no CPU can have this signature") }
        return signature
    }
}

extension XMLElement {
    /// The value of an attribute that has to be one of a few; nil when it is not there.
    fileprivate func choice<E: RawRepresentable & CaseIterable>(
        _ attribute: String, file: String
    ) throws(FormatError) -> E? where E.RawValue == String {
        guard let found = attributes.first(where: { $0.name == attribute }) else { return nil }
        if let value = E(rawValue: found.value) { return value }
        let known = E.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        throw FormatError(
            .syntax, file: file, line: found.line, column: found.column,
            "\(quoted(attribute)) must be one of \(known), not \(quoted(found.value))")
    }
}
