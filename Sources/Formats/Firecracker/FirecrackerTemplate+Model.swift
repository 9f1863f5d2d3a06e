// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import X86CPU

extension FirecrackerTemplate {
    /// The features that the template turns on.
    public var forcedOn: FeatureSet { fixed { $0.value } }
    /// The features that the template turns off.
    public var forcedOff: FeatureSet { fixed { $0.mask & ~$0.value } }

    private func fixed(_ bits: (BitPattern) -> UInt64) -> FeatureSet {
        var set = FeatureSet()
        for leaf in leaves {
            for (register, pattern) in leaf.registers {
                guard let word = FeatureWord(leaf: leaf.leaf, subleaf: leaf.subleaf, register: register) else {
                    continue
                }
                set[word] = bits(pattern)
            }
        }
        for msr in msrs {
            if let word = FeatureWord(.msr(index: msr.index, allowedOne: false)) {
                set[word] = bits(msr.pattern)
            } else if let word = FeatureWord(.msr(index: msr.index, allowedOne: true)) {
                set[word] = bits(msr.pattern) >> 32
            }
        }
        return set
    }

    /// What the template means as a model: all that the host has, with the features it turns on and off.
    ///
    /// - Parameter name: what errors call the template.
    public func imported(name: String) throws(FormatError) -> ImportedModel {
        let named = FeatureRegistry.shared.named
        var imported = ImportedModel(
            try ModelExpression(
                base: "max", added: forcedOn.intersection(named), removed: forcedOff.intersection(named), file: name))
        let unnamed = forcedOn.subtracting(named)
        if !unnamed.isEmpty { imported.notes.append("\(unnamed.nameList): forced on, and nobody has a name for it.") }
        for leaf in leaves {
            for (register, pattern) in leaf.registers.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                note(leaf, register, pattern, &imported)
            }
        }
        for msr in msrs where FeatureWord(.msr(index: msr.index, allowedOne: false)) == nil {
            imported.notes.append("MSR 0x\(String(msr.index, radix: 16)) is set to what no model holds.")
        }
        if !kvmCapabilities.isEmpty {
            imported.notes.append(
                "The KVM capabilities \(kvmCapabilities.joined(separator: ", ")) are the VMM's to check.")
        }
        return imported
    }

    /// Takes over what is no feature bit, or tells that it has no place.
    private func note(
        _ leaf: LeafModifier, _ register: CPUIDRegister, _ pattern: BitPattern, _ imported: inout ImportedModel
    ) {
        if FeatureWord(leaf: leaf.leaf, subleaf: leaf.subleaf, register: register) != nil { return }
        let signatureBits: UInt64 = 0x0FFF_0FFF
        if leaf.leaf == 1, register == .eax, pattern.mask & signatureBits == signatureBits {
            imported.signature = CPUSignature(eax: UInt32(truncatingIfNeeded: pattern.value))
            return
        }
        // The components of the XSAVE area follow from the features.
        if leaf.leaf == 0xD { return }
        let place = "leaf 0x\(String(leaf.leaf, radix: 16)), subleaf \(leaf.subleaf), \(register)"
        imported.notes.append("The bits of \(place) follow from topology and caches here, not from the model.")
    }
}

extension FirecrackerTemplate {
    /// A template that gives a guest exactly a model's features, family, model and stepping.
    ///
    /// Firecracker changes what KVM supports, and refuses a template that names a leaf which is not there. With a host,
    /// the template has the leaves of that host; without, those that every host with KVM on Linux 5.10 or later has,
    /// and those in which the model has features.
    ///
    /// - Returns: the template, and what it cannot say. Bits that Firecracker or KVM sets itself (topology, APIC and
    ///   OS-enabled bits) and KVM's own leaves are left to them.
    public static func exporting(
        _ model: ExpandedModel, on host: HostCPU? = nil
    ) -> (template: FirecrackerTemplate, export: ExportedModel) {
        var template = FirecrackerTemplate()
        var inexpressible = FeatureSet()
        for word in FeatureWord.allCases {
            guard case .cpuid(let leaf, let subleaf, let register) = word.position, leaf != 0x4000_0001 else {
                continue
            }
            guard isThere(leaf, subleaf, model, host) else {
                inexpressible[word] = model.features[word]
                continue
            }
            let pattern = BitPattern(
                mask: 0xFFFF_FFFF & ~leftToVMM[word], value: (model.features[word] | copies(model)[word]) & 0xFFFF_FFFF)
            template.set(leaf, subleaf, register, pattern)
        }
        template.set(1, .any, .eax, BitPattern(mask: 0x0FFF_3FFF, value: UInt64(model.signature.eax)))
        template.setXSAVE(model.features)
        template.leaves.sort { ($0.leaf, $0.subleaf) < ($1.leaf, $1.subleaf) }

        for word in FeatureWord.allCases {
            guard case .msr(let index, _) = word.position, model.features[word] != 0 else { continue }
            if index == 0x10A {
                template.msrs.append(
                    MSRModifier(index: index, pattern: BitPattern(mask: .max, value: model.features[word])))
            } else {
                inexpressible[word] = model.features[word]
            }
        }
        var export = ExportedModel(template.text)
        export.inexpressible = inexpressible
        if !inexpressible.isEmpty {
            export.notes.append(
                "\(inexpressible.nameList) is left out: Firecracker has no nested virtualisation, and gives a guest no leaf "
                    + "that KVM does not list.")
        }
        if host == nil {
            export.notes.append(
                "Written without a host: on one whose KVM lacks a leaf in the template, Firecracker refuses it.")
        }
        return (template, export)
    }

    /// Bits that say what the vCPU or its topology is, and not what the CPU can do.
    private static let leftToVMM: FeatureSet = [
        .apic, .osxsave, .ospke, .hypervisor, .ht, .cmpLegacy, .topoext, .tscDeadline, .x2apic,
    ]

    /// The bits of leaf 1, EDX that AMD repeats in leaf 0x80000001.
    private static func copies(_ model: ExpandedModel) -> FeatureSet {
        var set = FeatureSet()
        if model.vendor.isAMDLike {
            set[.leaf80000001_edx] = model.features[.leaf1_edx] & UInt64(CPUVendor.repeatedLeaf1EDX)
        }
        return set
    }

    private static func isThere(
        _ leaf: UInt32, _ subleaf: SubleafMatch, _ model: ExpandedModel, _ host: HostCPU?
    ) -> Bool {
        if let host { return host.supported[leaf, subleaf.index] != nil }
        switch (leaf, subleaf.index) {
        case (1, 0), (7, 0), (0xD, 1), (0x8000_0001, 0), (0x8000_0008, 0): return true
        default:
            return FeatureWord.allCases.contains { word in
                guard case .cpuid(leaf, subleaf, _) = word.position else { return false }
                return model.features[word] != 0
            }
        }
    }

    private mutating func set(
        _ leaf: UInt32, _ subleaf: SubleafMatch, _ register: CPUIDRegister, _ pattern: BitPattern
    ) {
        if let position = leaves.firstIndex(where: { $0.leaf == leaf && $0.subleaf == subleaf.index }) {
            leaves[position].registers[register] = pattern
            return
        }
        let flags: UInt32 = if case .exact = subleaf { 1 } else { 0 }
        leaves.append(LeafModifier(leaf: leaf, subleaf: subleaf.index, flags: flags, registers: [register: pattern]))
    }

    /// XCR0 has the components of the model's features: a guest must not be able to enable others.
    private mutating func setXSAVE(_ features: FeatureSet) {
        guard features.contains(.xsave) else { return }
        var components: UInt64 = 3
        for component in FeatureRegistry.shared.xsaveComponents
        where !component.isSupervisor && component.enabledBy.contains(where: { features.contains($0) }) {
            components |= component.mask
        }
        set(0xD, .exact(0), .eax, BitPattern(mask: 0xFFFF_FFFF, value: components))
    }
}
