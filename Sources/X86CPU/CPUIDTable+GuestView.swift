// SPDX-License-Identifier: Apache-2.0

extension CPUIDTable {
    /// What the CPUID instruction returns in a guest that has this table.
    ///
    /// Beside the entries themselves two rules of KVM's emulation show: a request out of range is answered with the
    /// highest basic leaf unless the vendor is AMD or Hygon, and a missing subleaf of leaf 0xB or 0x1F returns its own
    /// number and the x2APIC id (Linux, `kvm_cpuid` and `get_out_of_range_cpuid_entry`; Intel SDM volume 2, CPUID).
    public func guestView(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> CPUIDEntry {
        if let entry = self[leaf, subleaf] { return entry.answering(leaf, subleaf) }
        guard let answered = redirected(leaf) else { return CPUIDEntry(leaf, .exact(subleaf)) }
        if let entry = self[answered, subleaf] { return entry.answering(leaf, subleaf) }
        guard answered == 0xB || answered == 0x1F, let first = self[answered, 1] else {
            return CPUIDEntry(leaf, .exact(subleaf))
        }
        return CPUIDEntry(leaf, .exact(subleaf), ecx: subleaf & 0xFF, edx: first.edx)
    }

    /// The leaf that answers a request in such a guest: the one asked for, or the highest basic leaf in its place. Nil
    /// where the answer is all zeros for want of any leaf.
    public func answeringLeaf(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> UInt32? {
        self[leaf, subleaf] == nil ? redirected(leaf) : leaf
    }

    /// The leaf whose entries answer a request that no entry matches; nil when the answer is all zeros.
    private func redirected(_ leaf: UInt32) -> UInt32? {
        guard let basic = self[0] else { return nil }
        if CPUVendor(table: self)?.isAMDLike == true { return inRange(leaf, limit: basic.eax) ? leaf : nil }
        return inRange(leaf, limit: basic.eax) ? leaf : basic.eax
    }

    private func inRange(_ leaf: UInt32, limit: UInt32) -> Bool {
        switch leaf {
        case 0x4000_0000...0x4FFF_FFFF: self[leaf & 0xFFFF_FF00].map { leaf <= $0.eax } ?? false
        case 0x8000_0000...0xBFFF_FFFF: self[0x8000_0000].map { leaf <= $0.eax } ?? false
        case 0xC000_0000...: self[0xC000_0000].map { leaf <= $0.eax } ?? false
        default: leaf <= limit
        }
    }
}

extension CPUIDEntry {
    fileprivate func answering(_ leaf: UInt32, _ subleaf: UInt32) -> CPUIDEntry {
        CPUIDEntry(leaf, .exact(subleaf), eax: eax, ebx: ebx, ecx: ecx, edx: edx)
    }
}
