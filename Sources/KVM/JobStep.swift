// SPDX-License-Identifier: Apache-2.0

import CKVM
public import X86CPU

/// One ioctl of a job, on one vCPU.
public struct JobStep: Sendable {
    /// What is done.
    public enum Operation: Sendable {
        /// KVM_GET_CPUID2, with room for that many entries.
        case getCPUID(capacity: Int)
        /// KVM_SET_CPUID2 with this table.
        case setCPUID(CPUIDTable)
        /// KVM_SET_CPUID2 with the entries of an earlier answer, byte for byte.
        case restoreCPUID(StoredTable)
        /// KVM_GET_MSRS of these.
        case getMSRs([UInt32])
        /// KVM_SET_MSRS of these, in order of index.
        case setMSRs([UInt32: UInt64])
    }

    /// What is done.
    public let operation: Operation
    /// To which vCPU, by its index in the job.
    public let vcpu: Int
    /// Whether a failure ends the job.
    public let stopsOnError: Bool

    /// A step from its parts.
    public init(_ operation: Operation, vcpu: Int, stopsOnError: Bool = false) {
        self.operation = operation
        self.vcpu = vcpu
        self.stopsOnError = stopsOnError
    }

    /// The ioctl's request number.
    var request: UInt32 {
        switch operation {
        case .getCPUID: CKVM_JOB_GET_CPUID2
        case .setCPUID, .restoreCPUID: CKVM_JOB_SET_CPUID2
        case .getMSRs: CKVM_JOB_GET_MSRS
        case .setMSRs: CKVM_JOB_SET_MSRS
        }
    }

    /// The number of records in the argument: CPUID entries or MSRs.
    var recordCount: Int {
        switch operation {
        case .getCPUID(let capacity): capacity
        case .setCPUID(let table): table.entries.count
        case .restoreCPUID(let table): table.count
        case .getMSRs(let indices): indices.count
        case .setMSRs(let values): values.count
        }
    }

    /// The size of one record: `struct kvm_cpuid_entry2` or `struct kvm_msr_entry`.
    var recordSize: Int {
        switch operation {
        case .getCPUID, .setCPUID, .restoreCPUID: StoredTable.entrySize
        case .getMSRs, .setMSRs: 16
        }
    }

    /// The size of the argument: a header of 8 bytes, and the records.
    var argumentSize: Int { 8 + recordCount * recordSize }
}

/// A table as KVM stores it: the bytes of its `struct kvm_cpuid_entry2`, unknown flags and paddings included, so that
/// it can be put back exactly.
public struct StoredTable: Sendable, Hashable {
    /// The size of `struct kvm_cpuid_entry2`.
    static let entrySize = 40
    /// Bit 0 of the flags: the subleaf counts.
    private static let significantIndex: UInt32 = 1

    /// The entries' bytes.
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The number of entries.
    public var count: Int { bytes.count / Self.entrySize }

    /// The entries' meaning.
    public var table: CPUIDTable {
        let words = unsafe bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map { offset in
                unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            }
        }
        let wordsOfEntry = Self.entrySize / 4
        return CPUIDTable(
            (0..<count).map { number in
                let start = number * wordsOfEntry
                let isExact = words[start + 2] & Self.significantIndex != 0
                return CPUIDEntry(
                    words[start], isExact ? .exact(words[start + 1]) : .any, eax: words[start + 3],
                    ebx: words[start + 4], ecx: words[start + 5], edx: words[start + 6])
            })
    }

    /// The words that one entry begins with: function, index, flags, EAX, EBX, ECX, EDX. Three words of padding follow.
    static func words(of entry: CPUIDEntry) -> [7 of UInt32] {
        let flags: UInt32 = if case .exact = entry.subleaf { significantIndex } else { 0 }
        return [entry.leaf, entry.subleaf.index, flags, entry.eax, entry.ebx, entry.ecx, entry.edx]
    }
}
