// SPDX-License-Identifier: Apache-2.0

/// One of the four registers in which the CPUID instruction returns its data.
public enum CPUIDRegister: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case eax, ebx, ecx, edx

    /// The register's name in lower case, as it stands in files and messages.
    public var description: String {
        switch self {
        case .eax: "eax"
        case .ebx: "ebx"
        case .ecx: "ecx"
        case .edx: "edx"
        }
    }
}

/// Which subleaves of its leaf an entry answers for.
///
/// KVM calls this the flag `KVM_CPUID_FLAG_SIGNIFCANT_INDEX` (bit 0 of `struct kvm_cpuid_entry2.flags`).
public enum SubleafMatch: Sendable, Hashable {
    /// The leaf has no subleaves: the entry answers whatever ECX holds.
    case any
    /// The entry answers this subleaf only (flag set).
    case exact(UInt32)

    /// The subleaf number as it is stored: 0 for an entry that answers any.
    public var index: UInt32 {
        switch self {
        case .any: 0
        case .exact(let index): index
        }
    }

    /// Whether an entry with this match answers a request for the subleaf.
    @inlinable
    public func answers(_ subleaf: UInt32) -> Bool {
        switch self {
        case .any: true
        case .exact(let index): index == subleaf
        }
    }
}

/// The answer of CPUID to one leaf, or to one subleaf of it.
public struct CPUIDEntry: Sendable, Hashable {
    /// The value of EAX at the request: the leaf.
    public var leaf: UInt32
    /// The value of ECX at the request, where it matters.
    public var subleaf: SubleafMatch
    /// The four registers of the answer.
    public var eax, ebx, ecx, edx: UInt32

    /// An entry from its parts.
    public init(
        _ leaf: UInt32, _ subleaf: SubleafMatch = .any, eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0,
        edx: UInt32 = 0
    ) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.eax = eax
        self.ebx = ebx
        self.ecx = ecx
        self.edx = edx
    }

    /// The answer's register of that name.
    public subscript(register: CPUIDRegister) -> UInt32 {
        get {
            switch register {
            case .eax: eax
            case .ebx: ebx
            case .ecx: ecx
            case .edx: edx
            }
        }
        set {
            switch register {
            case .eax: eax = newValue
            case .ebx: ebx = newValue
            case .ecx: ecx = newValue
            case .edx: edx = newValue
            }
        }
    }

    /// Whether all four registers are zero, which is also what a guest sees of an entry that is absent but in range.
    public var isZero: Bool { eax | ebx | ecx | edx == 0 }
}
