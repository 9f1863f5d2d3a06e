// SPDX-License-Identifier: Apache-2.0

import CCPUModelClient
import Glibc
public import JSON

/// Why a launcher's call failed: `struct cpumodel_error` of libcpumodel.
public struct LauncherError: Error, Sendable {
    /// The daemon's code, -32768 to -32000; or minus an errno when the fault is on this side.
    public let code: Int32
    /// One word for a program: the daemon's (`featuresUnavailable`, `altered`, ...), or `connection`, `timeout`,
    /// `protocol`, `invalidArgument`, `noMemory`, `cancelled`.
    public let kind: String
    /// One sentence for a person.
    public let message: String
    /// What the daemon adds for a program. The article Protocol of CPUModelAPI says what, for each kind.
    public let data: JSONObject

    init(code: Int32, kind: String, message: String, data: JSONObject = JSONObject()) {
        self.code = code
        self.kind = kind
        self.message = message
        self.data = data
    }

    /// Takes over an error that a function of libcpumodel filled in, and frees it.
    init(taking error: inout cpumodel_error) {
        code = unsafe error.code
        // Arrays of characters inside the structure, which end with a zero.
        kind = unsafe withUnsafeBytes(of: error.kind) { unsafe Self.text($0) }
        message = unsafe withUnsafeBytes(of: error.message) { unsafe Self.text($0) }
        let text = unsafe error.data.map { unsafe String(cString: $0) }
        data = text.flatMap { try? JSONValue(parsing: $0).objectValue } ?? JSONObject()
        unsafe cpumodel_error_clear(&error)
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// For what the daemon said and no daemon says.
    static func badAnswer(_ why: String) -> LauncherError {
        LauncherError(code: -EPROTO, kind: "protocol", message: "the answer of cpumodeld makes no sense: \(why)")
    }

    static let cancelled = LauncherError(
        code: -ECANCELED, kind: "cancelled", message: "the task was cancelled, and the connection ended with its call")
}

extension LauncherError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}
