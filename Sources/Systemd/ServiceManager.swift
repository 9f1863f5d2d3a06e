// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc

/// The service manager that started this process, if one did: what it hands over, and what it wants.
public enum ServiceManager {
    /// A socket that the service manager passed; or a descriptor that it has kept, which has the name it was given.
    public struct ActivatedSocket: Sendable, Hashable {
        /// The descriptor.
        public let descriptor: CInt
        /// `FileDescriptorName=` of the socket unit.
        public let name: String
    }

    /// The sockets passed by socket activation (sd_listen_fds_with_names(3)), and what it was told to keep; takes the variables
    /// out of the environment.
    public static func activatedSockets() -> [ActivatedSocket] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        guard count > 0 else { return [] }
        defer { unsafe free(names) }
        return (0..<Int(count)).map { number in
            let name = unsafe names?[number]
            defer { unsafe free(name) }
            return ActivatedSocket(
                descriptor: SD_LISTEN_FDS_START + CInt(number),
                name: unsafe name.map { unsafe String(cString: $0) } ?? "")
        }
    }

    /// How often the service manager wants to hear `WATCHDOG=1`, in microseconds; nil where it does not.
    public static var watchdogMicroseconds: UInt64? {
        var interval: UInt64 = 0
        return unsafe sd_watchdog_enabled(0, &interval) > 0 ? interval : nil
    }
}
