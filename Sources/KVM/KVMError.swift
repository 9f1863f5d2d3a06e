// SPDX-License-Identifier: Apache-2.0

import CLinux

/// An ioctl, or another call to do with KVM, that failed.
public struct KVMError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was called, for example `KVM_GET_SUPPORTED_CPUID`.
    public let operation: String
    /// The errno.
    public let errno: CInt

    /// An error from an errno, positive or negated.
    public init(_ operation: String, errno: CInt) {
        self.operation = operation
        self.errno = abs(errno)
    }

    /// The errno's name, for example `EIO`.
    public var errnoName: String { errorName(errno) }

    /// A sentence for a person.
    public var description: String { "\(operation) failed with \(errnoName) (\(errorText(errno)))." }
}

/// The name of an errno, for example `EIO`.
public func errorName(_ errno: CInt) -> String {
    guard let name = unsafe clinux_errno_name(errno) else { return "errno \(errno)" }
    return unsafe String(cString: name)
}

/// What an errno means, in the C library's words.
public func errorText(_ errno: CInt) -> String {
    guard let text = unsafe clinux_errno_text(errno) else { return "unknown error" }
    return unsafe String(cString: text)
}

/// Turns the shims' convention, a value or minus an errno, into a value or an error.
@discardableResult
func checked(_ result: CInt, _ operation: String) throws(KVMError) -> CInt {
    guard result >= 0 else { throw KVMError(operation, errno: result) }
    return result
}
