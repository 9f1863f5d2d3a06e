// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A file descriptor that several may refer to, and that an array can hold: closed when the last of them lets go.
///
/// This is the owner for descriptors that came from a stranger. Closing those can block for as long as the sender likes
/// (a file on his own FUSE filesystem, a TCP socket that lingers), or take its time (the last descriptor of a VM). So
/// it is left to the ``DescriptorCloser``.
public final class SharedDescriptor: Sendable {
    private let descriptor: Atomic<CInt>
    private let closingCost: Atomic<UInt8>
    private static let notJudged = UInt8.max

    /// Takes ownership of an open descriptor.
    ///
    /// - Parameter closingCost: What is known of the closing already.
    public init(owning number: CInt, closingCost: ClosingCost? = nil) {
        descriptor = Atomic(number)
        self.closingCost = Atomic(closingCost?.rawValue ?? Self.notJudged)
    }

    /// Tells what closing the descriptor may cost, once it is known what it is.
    public func judge(_ cost: ClosingCost) {
        closingCost.store(cost.rawValue, ordering: .relaxed)
    }

    /// Takes over from a single owner.
    public convenience init(_ owned: consuming OwnedDescriptor) {
        self.init(owning: owned.release())
    }

    /// The number, valid as long as this object lives; -1 once the descriptor was taken or closed.
    public var number: CInt { descriptor.load(ordering: .relaxed) }

    /// Gives ownership up: whoever gets the number must close it. -1 when somebody took it before.
    public func take() -> CInt {
        descriptor.exchange(-1, ordering: .relaxed)
    }

    /// Closes the descriptor now rather than with the last reference.
    public func close() {
        let number = take()
        if number >= 0 {
            DescriptorCloser.shared.close(number, cost: ClosingCost(rawValue: closingCost.load(ordering: .relaxed)))
        }
    }

    deinit {
        close()
    }
}
