// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

/// A CPU as a request names it: exactly one of a model, a host, a dump and a registered VM.
public struct CPUReference: JSONReadable, Sendable {
    /// What is named.
    public enum Subject: Sendable {
        /// A model expression.
        case model(String)
        /// A host by its document; nil for the daemon's own.
        indirect case host(HostCPU?)
        /// A dump in any format that is understood.
        case dump(String)
        /// A registered VM, by what was read back from its vCPUs.
        case vm(String)
    }

    /// What is named.
    public let subject: Subject
    /// How answers and messages call it; nil to call it by itself.
    public let name: String?

    /// Reads a reference.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        name = try reader.optionalString("name")
        let model = try reader.optionalString("model").map(Subject.model)
        let host = try Self.host(&reader)
        let dump = try reader.optionalString("dump").map(Subject.dump)
        let vm = try reader.optionalString("vm").map(Subject.vm)
        let given = [model, host, dump, vm].compactMap { $0 }
        guard given.count == 1, let subject = given.first else {
            throw JSONShapeError(
                path: reader.path, message: "must have exactly one of \"model\", \"host\", \"dump\" and \"vm\"")
        }
        self.subject = subject
    }

    private static func host(_ reader: inout ObjectReader) throws(JSONShapeError) -> Subject? {
        if reader.value("host") == .string("this") { return .host(nil) }
        return try reader.optionalRead("host", as: HostDocument.self).map { .host($0.host) }
    }

    static let schema = Schema.object(
        [
            .optional("name", .string("what answers call it, such as a file's name")),
            .optional("model", .string("a model expression")),
            .optional("host", .any("a HostCPU document, or \"this\" for the daemon's own host")),
            .optional("dump", .string("a dump: cpuid -r, AIDA64, libvirt cpudata, Firecracker, HostCPU document")),
            .optional("vm", .string("a registered VM")),
        ], "exactly one of model, host, dump and vm")
}
