// SPDX-License-Identifier: Apache-2.0

public import Descriptors
import Glibc

/// The descriptors of a VM's vCPUs, in topology order, with one owner: closed when the owner lets go of them.
///
/// They are what KVM_CREATE_VCPU returned. As long as any descriptor of a VM is open, it lives.
public struct VCPUDescriptors: ~Copyable, Sendable {
    private let numbers: [CInt]

    /// Takes ownership of open descriptors.
    public init(owning numbers: [CInt]) {
        self.numbers = numbers
    }

    /// Second descriptors for the same vCPUs, for a VMM that keeps its own.
    public init(duplicating numbers: [CInt]) throws(SystemError) {
        var duplicates: [CInt] = []
        for number in numbers {
            do throws(SystemError) {
                duplicates.append(try OwnedDescriptor(duplicating: number).release())
            } catch {
                for duplicate in duplicates { close(duplicate) }
                throw error
            }
        }
        self.numbers = duplicates
    }

    /// How many there are.
    public var count: Int { numbers.count }

    /// Lends the numbers out. They are valid inside `body`, and must not be closed there.
    public borrowing func withNumbers<Result, Failure: Error>(
        _ body: ([CInt]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(numbers)
    }

    deinit {
        for number in numbers { close(number) }
    }
}
