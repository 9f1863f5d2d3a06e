// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc

/// The service manager that started this process, if one did: sockets it hands over, and what it wants to be told.
public enum ServiceManager {
    /// A socket that the service manager passed; or a descriptor that it has kept, which has the name it was given.
    public struct ActivatedSocket: Sendable, Hashable {
        /// The descriptor.
        public let descriptor: CInt
        /// `FileDescriptorName=` of the socket unit.
        public let name: String
    }

    /// The sockets passed by socket activation (sd_listen_fds_with_names(3)), and what was kept by ``keep(_:as:)``; takes the variables out of the
    /// environment.
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

    /// Has the service manager keep a descriptor over restarts (sd_pid_notify_with_fds(3), `FDSTORE=1`); it comes back with
    /// the activated sockets. Does nothing where there is none, or where it keeps no more.
    public static func keep(_ descriptor: CInt, as name: String) {
        var descriptors = [descriptor]
        _ = unsafe sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=\(name)", &descriptors, 1)
    }

    /// Has the service manager close a descriptor that it keeps.
    public static func forget(_ name: String) { notify("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// Tells the service manager something (sd_notify(3)), such as `READY=1`; does nothing where there is none.
    public static func notify(_ state: String) {
        _ = unsafe sd_notify(0, state)
    }

    /// Tells the service manager that a reload begins. `READY=1` ends it.
    ///
    /// The time tells it whether this is the reload that it has just asked for (sd_notify(3), `Type=notify-reload`).
    public static func notifyReloading() {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        notify("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)")
    }

    /// How often the service manager wants to hear `WATCHDOG=1`, in microseconds; nil where it does not.
    public static var watchdogMicroseconds: UInt64? {
        var interval: UInt64 = 0
        return unsafe sd_watchdog_enabled(0, &interval) > 0 ? interval : nil
    }
}
