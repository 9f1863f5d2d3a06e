// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import JSON
import X86CPU

/// What this host was like when the daemon ran before: the host as it is, and as it was before it last changed.
///
/// It is a file of the state directory, one JSON object. A file of another format, which a newer version of the program
/// may have left, is not touched.
struct HostHistory: Sendable {
    /// The value of the member `format`, but for the number.
    private static let formatName = "cpumodeld-host-history-"
    /// The number of the format that is written, and the only one yet.
    private static let version: Int64 = 1
    /// The value of the member `format`.
    static let format = "\(formatName)\(version)"
    /// Larger documents are damaged: one has two hosts, of at most some hundred entries each.
    static let maximumSize = 1 << 20

    /// A host as it was.
    struct Past: Sendable {
        let host: HostCPU
        /// When a run of the daemon last saw it, in seconds of the Unix epoch.
        let lastSeenAt: Int64
    }

    /// The host as it is.
    private(set) var host: HostCPU
    /// When it was first seen so.
    private(set) var since: Int64
    /// When it was last seen so.
    private(set) var lastSeenAt: Int64
    /// The host before it last changed; nil when it never did.
    private(set) var before: Past?

    /// The history of a host that is seen for the first time.
    init(of host: HostCPU, at time: Int64) {
        self.host = host
        since = time
        lastSeenAt = time
    }

    /// Reads what an earlier run has written.
    init(parsing bytes: [UInt8]) throws(KeptFile.Fault) {
        let value: JSONValue
        do throws(JSONSyntaxError) { value = try JSONValue(parsing: bytes) } catch { throw .damaged("\(error)") }
        if let format = value["format"]?.stringValue, format.hasPrefix(Self.formatName),
            let version = Int64(format.dropFirst(Self.formatName.count)), version > Self.version
        {
            throw .newer(version, known: Self.version)
        }
        do throws(JSONShapeError) {
            try self.init(reading: value, path: "")
        } catch {
            throw .damaged("\(error)")
        }
    }

    /// Takes in what the host is now.
    ///
    /// - Returns: what is different from the last time; empty when nothing is.
    mutating func see(_ now: HostCPU, at time: Int64) -> HostChanges {
        let changes = HostChanges(from: host, to: now)
        if !changes.isEmpty {
            before = Past(host: host, lastSeenAt: lastSeenAt)
            since = time
        }
        host = now
        lastSeenAt = time
        return changes
    }

    /// What was different when the host last changed; nil when it never did.
    var lastChanges: HostChanges? { before.map { HostChanges(from: $0.host, to: host) } }
}

extension HostHistory: JSONReadable, JSONWritable {
    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        guard try reader.string("format") == Self.format else {
            throw reader.error("format", "must be \"\(Self.format)\"")
        }
        since = try reader.integer("since")
        lastSeenAt = try reader.integer("lastSeenAt")
        host = try reader.read("host", as: HostDocument.self).host
        guard var past = try reader.optionalObject("before") else { return }
        before = Past(
            host: try past.read("host", as: HostDocument.self).host, lastSeenAt: try past.integer("lastSeenAt"))
        try past.finish()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("format", Self.format)
            writer.member("since", since)
            writer.member("lastSeenAt", lastSeenAt)
            writer.member("host", HostDocument(host))
            guard let before else { return }
            writer.object("before") { writer in
                writer.member("lastSeenAt", before.lastSeenAt)
                writer.member("host", HostDocument(before.host))
            }
        }
    }
}
