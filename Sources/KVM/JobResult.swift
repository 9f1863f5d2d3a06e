// SPDX-License-Identifier: Apache-2.0

/// What one step of a job returned.
public enum JobResult: Sendable, Hashable {
    /// The ioctl succeeded and returns nothing.
    case done
    /// The vCPU's table.
    case table(StoredTable)
    /// The MSRs that could be read, by index: KVM stops at the first that cannot.
    case msrs([UInt32: UInt64])
    /// How many MSRs were written, in order of index: KVM stops at the first it refuses.
    case msrsWritten(Int)
    /// The vCPU's control registers.
    case controlRegisters(ControlRegisters)
    /// The vCPU's XCR0.
    case xcr0(UInt64)
    /// The ioctl failed.
    case failed(errno: CInt)

    var isFailure: Bool {
        if case .failed = self { true } else { false }
    }
}
