// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A host made from a dump, with what has to be known to trust it.
public struct DumpedHost: Sendable {
    /// The host.
    public let host: HostCPU
    /// Whether what KVM offers was worked out from the CPU's own CPUID, and not recorded.
    public let isEstimated: Bool
    /// What is assumed, and what the dump cannot tell, as sentences.
    public let notes: [String]
}

extension CPUDump {
    /// The host that the dump is of.
    ///
    /// - A dump of KVM's answers is the host as it is.
    /// - A dump of the CPU's own CPUID does not tell what KVM offers. Taken is what Linux 6.12 is known to offer of
    ///   what the CPU has, so that a guest fitted to the host runs there on that kernel and later ones; the host may
    ///   offer more. VMX capabilities are left out: what KVM makes of them does not follow from the CPU's.
    /// - A guest's CPUID is taken for what the host offers, which is at least that.
    ///
    /// - Throws: ``FormatError`` when the dump does not tell which CPU it is of.
    public func hostCPU() throws(FormatError) -> DumpedHost {
        if let host { return DumpedHost(host: host, isEstimated: false, notes: notes) }
        guard let vendor, table[1] != nil else {
            throw FormatError(
                .unsupported, file: name, "leaves 0 and 1, which tell whose CPU it is, are not in the dump")
        }
        let identity = HostCPU.Identity(
            vendor: vendor, signature: signature, brand: brand, microcode: microcode, kernel: kernel)
        switch subject {
        case .native: return nativeHost(identity)
        case .supported, .guest:
            let note =
                subject == .guest
                ? ["The dump is a guest's: the host offers at least these features, and may offer more."] : []
            let host = HostCPU(identity: identity, supported: table, featureMSRs: featureMSRs)
            return DumpedHost(host: host, isEstimated: subject == .guest, notes: notes + note)
        }
    }

    private func nativeHost(_ identity: HostCPU.Identity) -> DumpedHost {
        var notes = notes + ["What KVM offers is estimated from the CPU's own CPUID, as Linux 6.12 does it."]
        var common = commonFeatures
        // Intel's CPUs show SYSCALL in 64-bit mode only (SDM volume 2, CPUID leaf 0x80000001).
        if common.contains(.lm), !common.contains(.syscall) {
            common.insert(.syscall)
            notes.append("The dump was made by a 32-bit program; syscall, which it cannot see, is counted as there.")
        }
        let some = features.subtracting(common)
        if !some.isEmpty {
            let names = some.map { FeatureRegistry.shared.name(of: $0) }.joined(separator: ", ")
            notes.append("Not all CPUs have \(names): guests can move between CPUs, so it counts as absent.")
        }
        if common.contains(.hypervisor) {
            notes.append("The dump was taken in a virtual machine, which shows less than its host.")
        }
        var msrs = featureMSRs.filter { !(0x480...0x491).contains($0.key) }
        if msrs[0x10A] != nil {
            msrs[0x10A] = KVMOffer.features(of: common)[.archCapabilities]
        } else if common.contains(.archCapabilities) {
            notes.append("The dump has no value of IA32_ARCH_CAPABILITIES (MSR 0x10A): none of its bits is offered.")
        }
        if common.contains(.vmx) {
            notes.append("VMX capabilities are not estimated: only what needs none of them works in nested guests.")
        }
        let host = HostCPU(
            identity: identity,
            supported: KVMOffer.supported(native: table, features: KVMOffer.features(of: common)), native: table,
            featureMSRs: msrs)
        return DumpedHost(host: host, isEstimated: true, notes: notes)
    }

    /// The features that all CPUs have, as the kernel counts them; those of MSRs are the first CPU's.
    private var commonFeatures: FeatureSet {
        cpus.dropFirst().reduce(features) { common, cpu in
            var own = FeatureSet(table: cpu.table)
            for word in FeatureWord.allCases {
                if case .msr = word.position { own[word] = common[word] }
            }
            return common.intersection(own)
        }
    }

    /// The MSRs whose bits are features, and the microcode's revision and DE_CFG, which KVM counts among them.
    private var featureMSRs: [UInt32: UInt64] {
        msrs.filter { index, _ in
            index == 0x8B || index == 0xC001_1029 || index == 0x48A || (0x480...0x491).contains(index)
                || FeatureWord(.msr(index: index, allowedOne: false)) != nil
        }
    }
}
