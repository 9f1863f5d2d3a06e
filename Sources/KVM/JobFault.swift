// SPDX-License-Identifier: Apache-2.0

/// What an executor may not have done to a job.
public enum JobFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number of executed steps is impossible.
    case executedCount(Int, steps: Int)
    /// A step has a result that its ioctl cannot return.
    case result(Int32, step: Int)
    /// A table has more entries than there was room for.
    case entryCount(Int, capacity: Int, step: Int)
    /// The extended control registers came without XCR0.
    case xcr0Missing(step: Int)

    /// A sentence for a person.
    public var description: String {
        switch self {
        case .executedCount(let executed, let steps):
            "The job came back with \(executed) of \(steps) steps executed, which no run of it can leave behind."
        case .result(let code, let step):
            "Step \(step) of the job came back with the result \(code), which its ioctl cannot return."
        case .entryCount(let count, let capacity, let step):
            "Step \(step) of the job came back with \(count) CPUID entries where there was room for \(capacity)."
        case .xcr0Missing(let step):
            "Step \(step) of the job came back with extended control registers, and without XCR0 among them."
        }
    }
}
