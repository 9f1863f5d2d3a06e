// SPDX-License-Identifier: Apache-2.0

import JSON

/// The process that created a VM, as it was when its vCPUs got their tables.
public struct VMOwner: Sendable, Hashable {
    /// Its number.
    public var pid: Int32
    /// Its effective user and group.
    public var uid, gid: UInt32
    /// When it was started, in clock ticks since the machine was (proc(5), field 22 of /proc/PID/stat): with the number, and
    /// within one boot, there is no second process like it. 0 where unknown.
    public var startTime: UInt64
    /// The name of its main thread, at most 15 bytes (/proc/PID/comm).
    public var command: String?
    /// Its program (/proc/PID/exe); nil where this daemon may not know.
    public var program: String?
    /// Its control group, as systemd sees it (/proc/PID/cgroup).
    public var controlGroup: String?
    /// The systemd unit that it belongs to.
    public var unit: String?
    /// The machine that it is to systemd-machined.
    public var machine: String?

    /// An owner of whom nothing is known but this.
    public init(pid: Int32, uid: UInt32, gid: UInt32, startTime: UInt64 = 0) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self.startTime = startTime
    }

    /// Writes what is known, as members of an answer about the VM.
    func writeMembers(to writer: inout JSONWriter) {
        writer.member("pid", pid)
        writer.member("uid", uid)
        writer.member("gid", gid)
        if let command { writer.member("command", command) }
        if let program { writer.member("program", program) }
        if let controlGroup { writer.member("controlGroup", controlGroup) }
        if let unit { writer.member("unit", unit) }
        if let machine { writer.member("machine", machine) }
    }

    static let members: [Schema.Member] = [
        .required("pid", .integer(0...(.max), "the process that created the VM")),
        .required("uid", .integer(0...(.max), "its user")),
        .required("gid", .integer(0...(.max), "its group")),
        .optional("command", .string("name of its main thread")),
        .optional("program", .string("its program; left out where the daemon may not know")),
        .optional("controlGroup", .string("its control group, as systemd sees it")),
        .optional("unit", .string("the systemd unit that it belongs to")),
        .optional("machine", .string("its name as a machine of systemd-machined")),
    ]
}
