// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A file descriptor with one owner: closed when the owner lets go of it.
///
/// It is closed at once, on the thread that lets go, and is for descriptors that we opened ourselves. For one that a
/// stranger sent there is ``SharedDescriptor``.
public struct OwnedDescriptor: ~Copyable, Sendable {
    private let number: CInt

    /// Takes ownership of an open descriptor.
    public init(owning number: CInt) {
        self.number = number
    }

    /// A second descriptor for the same open file, close-on-exec.
    public init(duplicating number: CInt) throws(SystemError) {
        self.number = try SystemError.check(clinux_descriptor_duplicate(number), "fcntl(F_DUPFD_CLOEXEC)")
    }

    /// Lends the number out. It is valid inside `body`, and must not be closed there.
    public borrowing func withRaw<Result: ~Copyable, Failure: Error>(
        _ body: (CInt) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(number)
    }

    /// Gives ownership up: whoever gets the number must close it.
    public consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }

    deinit {
        // Linux closes the descriptor whatever close(2) returns, so there is nothing to do about an error.
        _ = close(number)
    }
}
