// SPDX-License-Identifier: Apache-2.0

import CLinux

/// A system call that failed: which one, and the kernel's reason.
public struct SystemError: Error, Hashable, Sendable {
    /// The reason as a number of errno(3).
    public let errno: CInt

    /// The call that failed, as its manual page names it.
    public let operation: String

    /// An error of this call for this reason.
    public init(errno: CInt, operation: String) {
        self.errno = errno
        self.operation = operation
    }

    /// The symbolic name of the reason, such as `EIO`; the number where it has none.
    public var name: String { Self.name(of: errno) }

    /// The symbolic name of a number of errno(3); the number where it has none.
    public static func name(of errno: CInt) -> String {
        guard let name = unsafe clinux_errno_name(errno) else { return "\(errno)" }
        return unsafe String(cString: name)
    }

    /// The reason in words, such as `Input/output error`.
    public var text: String {
        guard let text = unsafe clinux_errno_text(errno) else { return "Unknown error" }
        return unsafe String(cString: text)
    }

    /// The result of a call that returns its value, or minus the errno.
    @inline(__always)
    @discardableResult
    package static func check<Value: SignedInteger>(
        _ result: Value, _ operation: String
    ) throws(SystemError) -> Value {
        guard result < 0 else { return result }
        throw SystemError(errno: CInt(-result), operation: operation)
    }
}

extension SystemError: CustomStringConvertible {
    /// The whole sentence: `epoll_ctl failed: Bad file descriptor (EBADF)`.
    public var description: String { "\(operation) failed: \(text) (\(name))" }
}
