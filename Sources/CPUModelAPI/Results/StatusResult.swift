// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

/// The result of `daemon.status`.
public struct StatusResult: JSONWritable, Sendable {
    /// A file of models that is left out.
    public struct RefusedFile: JSONWritable, Sendable {
        let file: String
        let problems: [String]

        /// A file and what is wrong with it.
        public init(file: String, problems: [String]) {
            self.file = file
            self.problems = problems
        }

        /// Writes it.
        public func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("file", file)
                writer.member("problems", problems)
            }
        }

        static let schema = Schema.object(
            [
                .required("file", .string("its path")),
                .required("problems", .array(.string("with file and line where it has one"), "what is wrong with it")),
            ], "")
    }

    /// The daemon's version.
    public var version: String
    /// The daemon's process.
    public var pid: Int32
    /// Seconds since it was ready.
    public var uptimeSeconds: Int
    /// The host's identity; nil where KVM cannot be used.
    public var host: HostCPU.Identity?
    /// Why KVM cannot be used; nil where it can.
    public var hostProblem: String?
    /// Number of models, and of their versions.
    public var models: Int, versions: Int
    /// Digest of the catalog.
    public var catalogDigest: String
    /// The files of models that are left out since something is wrong with them.
    public var refusedModelFiles: [RefusedFile]
    /// Number of registered VMs.
    public var vms: Int
    /// Number of connections.
    public var connections: Int
    /// Whether the host's KVM is another than when the daemon first ran here.
    public var hostChanged: Bool
    /// What changed in it last, and which VMs that concerns; nil where nothing did, or nobody asked.
    public var hostChanges: HostChangesResult?

    /// A status from its parts.
    public init(
        version: String, pid: Int32, uptimeSeconds: Int, host: HostCPU.Identity?, hostProblem: String?, models: Int,
        versions: Int, catalogDigest: String, refusedModelFiles: [RefusedFile], vms: Int, connections: Int,
        hostChanged: Bool, hostChanges: HostChangesResult?
    ) {
        self.version = version
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.host = host
        self.hostProblem = hostProblem
        self.models = models
        self.versions = versions
        self.catalogDigest = catalogDigest
        self.refusedModelFiles = refusedModelFiles
        self.vms = vms
        self.connections = connections
        self.hostChanged = hostChanged
        self.hostChanges = hostChanges
    }

    /// Writes the status.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("version", version)
            writer.member("pid", pid)
            writer.member("uptimeSeconds", uptimeSeconds)
            writer.member("hostProblem", hostProblem)
            writer.member("host") { writer in
                guard let host else { return writer.null() }
                writer.object { writer in
                    writer.member("vendor", host.vendor.description)
                    writer.member("signature", host.signature)
                    writer.member("brand", host.brand)
                    writer.member("microcode", hex32: host.microcode)
                    writer.member("kernel", host.kernel)
                    writer.member("module", host.module)
                }
            }
            writer.object("models") { writer in
                writer.member("count", models)
                writer.member("versions", versions)
                writer.member("digest", catalogDigest)
                writer.member("refused", refusedModelFiles)
            }
            writer.member("vms", vms)
            writer.member("connections", connections)
            writer.member("hostChanged", hostChanged)
            if let hostChanges { writer.member("hostChanges", hostChanges) }
        }
    }

    static let schema = Schema.object(
        [
            .required("version", .string("the daemon's version")),
            .required("pid", .integer(1...(.max), "")),
            .required("uptimeSeconds", .integer(0...(.max), "since it was ready")),
            .required("hostProblem", .nullable(.string("why KVM cannot be used here"))),
            .required(
                "host",
                .nullable(
                    .object(
                        [
                            .required("vendor", .string("")), .required("signature", .signature),
                            .required("brand", .string("")), .required("microcode", .hex("")),
                            .required("kernel", .string("")), .required("module", .string("KVM vendor module")),
                        ], ""))),
            .required(
                "models",
                .object(
                    [
                        .required("count", .integer(0...(.max), "")), .required("versions", .integer(0...(.max), "")),
                        .required("digest", .string("of the whole catalog")),
                        .required(
                            "refused",
                            .array(RefusedFile.schema, "files that are left out since something is wrong with them")),
                    ], "")),
            .required("vms", .integer(0...(.max), "registered VMs")),
            .required("connections", .integer(0...(.max), "")),
            .required("hostChanged", .boolean("whether the host's KVM is another than when the daemon first ran here")),
            .optional("hostChanges", HostChangesResult.schema),
        ], "")
}
