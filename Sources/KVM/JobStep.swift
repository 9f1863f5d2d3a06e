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
        /// KVM_GET_SREGS2, or KVM_GET_SREGS for kernels without it (KVM_CAP_SREGS2, Linux 5.14).
        case getControlRegisters(SystemRegistersIoctl)
        /// KVM_GET_XCRS. On a host without XSAVE it succeeds, and there are none.
        case getXCRs
    }

    /// Which of two ioctls tells the control registers. Both lie where they do in `struct kvm_sregs`.
    public enum SystemRegistersIoctl: Sendable, Hashable {
        /// KVM_GET_SREGS2.
        case sregs2
        /// KVM_GET_SREGS.
        case sregs
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
        case .getControlRegisters(.sregs2): CKVM_JOB_GET_SREGS2
        case .getControlRegisters(.sregs): CKVM_JOB_GET_SREGS
        case .getXCRs: CKVM_JOB_GET_XCRS
        }
    }

    /// What the argument's first word says: how many CPUID entries or MSRs follow. A structure of fixed size begins as
    /// zeros.
    var recordCount: Int {
        switch operation {
        case .getControlRegisters, .getXCRs: 0
        case .getCPUID(let capacity): capacity
        case .setCPUID(let table): table.entries.count
        case .restoreCPUID(let table): table.count
        case .getMSRs(let indices): indices.count
        case .setMSRs(let values): values.count
        }
    }

    /// The size of the argument: a structure of fixed size, or a header of 8 bytes and records of
    /// `struct kvm_cpuid_entry2` or `struct kvm_msr_entry`.
    var argumentSize: Int {
        switch operation {
        case .getCPUID, .setCPUID, .restoreCPUID: 8 + recordCount * StoredTable.entrySize
        case .getMSRs, .setMSRs: 8 + recordCount * 16
        case .getControlRegisters(.sregs2): Int(CKVM_SREGS2_SIZE)
        case .getControlRegisters(.sregs): Int(CKVM_SREGS_SIZE)
        case .getXCRs: Int(CKVM_XCRS_SIZE)
        }
    }

    /// The name of the ioctl.
    var ioctlName: String {
        switch operation {
        case .getCPUID: "KVM_GET_CPUID2"
        case .setCPUID, .restoreCPUID: "KVM_SET_CPUID2"
        case .getMSRs: "KVM_GET_MSRS"
        case .setMSRs: "KVM_SET_MSRS"
        case .getControlRegisters(.sregs2): "KVM_GET_SREGS2"
        case .getControlRegisters(.sregs): "KVM_GET_SREGS"
        case .getXCRs: "KVM_GET_XCRS"
        }
    }
}
