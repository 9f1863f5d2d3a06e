// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Glibc
import JSONRPC

/// What /proc tells of a process. Reading it blocks on nothing: the kernel makes the answers up on the spot.
enum ProcessInformation {
    /// The owner of a VM, by the peer that sent its vCPUs.
    static func owner(_ peer: Peer) -> VMOwner {
        let pid = peer.processID
        var owner = VMOwner(pid: pid, uid: peer.userID, gid: peer.groupID, startTime: startTime(of: pid) ?? 0)
        owner.command = firstLine(of: "/proc/\(pid)/comm")
        owner.program = link("/proc/\(pid)/exe")
        if let group = controlGroup(of: pid) {
            owner.controlGroup = group.path
            owner.unit = group.unit
            owner.machine = group.machine
        }
        return owner
    }

    /// When a process was started, in clock ticks since the machine was; nil where there is none of that number.
    static func startTime(of pid: Int32) -> UInt64? {
        // The second field is the name in parentheses, which may hold anything, also spaces and parentheses.
        guard let bytes = try? RegularFile.contents(of: "/proc/\(pid)/stat"),
            let end = bytes.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = bytes[end...].split(separator: UInt8(ascii: " "), maxSplits: 21)
        return fields.count > 20 ? UInt64(String(decoding: fields[20], as: UTF8.self)) : nil
    }

    /// Where a process is among systemd's units; nil where that cannot be told.
    static func controlGroup(of pid: Int32) -> ControlGroup? {
        contents(of: "/proc/\(pid)/cgroup").flatMap(ControlGroup.init(procFile:))
    }

    /// The effective user of a process (proc(5), the second number of `Uid:` in /proc/PID/status).
    static func effectiveUser(of pid: Int32) -> UInt32? {
        let lines = contents(of: "/proc/\(pid)/status")?.split(separator: "\n")
        let fields = lines?.first { $0.hasPrefix("Uid:") }?.split(separator: "\t")
        return fields.flatMap { $0.count > 2 ? UInt32($0[2]) : nil }
    }

    /// How many descriptors this process has open; nil where /proc does not say.
    static var openFiles: Int? {
        // Beside "." and "..", the directory itself is open while it is read.
        (try? RegularFile.names(in: "/proc/self/fd", mayBeMissing: false)).map { max(0, $0.count - 3) }
    }

    /// How many it may have.
    static var openFilesLimit: Int {
        var limit = rlimit()
        return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
            ? Int(clamping: limit.rlim_cur) : 0
    }

    /// This boot of the machine (random(4)).
    static let bootID = firstLine(of: "/proc/sys/kernel/random/boot_id") ?? ""

    private static func contents(of path: String) -> String? {
        (try? RegularFile.contents(of: path)).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func firstLine(of path: String) -> String? {
        contents(of: path)?.split(separator: "\n").first.map(String.init)
    }

    private static func link(_ path: String) -> String? {
        let capacity = Int(PATH_MAX)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            let length = unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                unsafe text.baseAddress.map { unsafe readlink(path, $0, capacity) } ?? 0
            }
            count = max(0, length)
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
