// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

/// The parameters of `model.list`.
public struct ListParameters: JSONReadable, Sendable {
    /// Whether to list only what the host can run without leaving anything out.
    public let usableOnly: Bool
    /// The host; nil for this one.
    public let host: HostCPU?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        usableOnly = try reader.bool("usable", default: false)
        host = try reader.optionalRead("host", as: HostDocument.self)?.host
    }

    static let members: [Schema.Member] = [
        .optional("usable", .boolean("list only models that the host can give in full")),
        .optional("host", HostDocument.schema),
    ]
}

/// The parameters of `model.show`.
public struct ShowParameters: JSONReadable, Sendable {
    /// Name of a model or of one of its versions, or an alias.
    public let model: String

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
    }

    static let members: [Schema.Member] = [
        .required("model", .string("name of a model or of one of its versions, or an alias"))
    ]
}

/// The parameters of `model.expand`.
public struct ExpandParameters: JSONReadable, Sendable {
    /// A model expression.
    public let model: String
    /// The host to expand for; nil for this one.
    public let host: HostCPU?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        host = try reader.optionalRead("host", as: HostDocument.self)?.host
    }

    static let members: [Schema.Member] = [
        .required("model", .string("a model expression")),
        .optional("host", HostDocument.schema),
    ]
}

/// The parameters of `table.compute`.
public struct ComputeParameters: JSONReadable, Sendable {
    /// The CPU to compute.
    public let guest: GuestParameters
    /// Which vCPUs to return, by their place in topology order; nil for all.
    public let vcpus: [Int]?
    /// The host to compute for; nil for this one.
    public let host: HostCPU?
    /// Which registers to explain; nil for none.
    public let explain: ExplainParameters?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        explain = try reader.optionalRead("explain", as: ExplainParameters.self)
        guest = try GuestParameters(reading: &reader)
        vcpus = try reader.optionalIntegers("vcpus", in: 0...4095)?.map { Int($0) }
        host = try reader.optionalRead("host", as: HostDocument.self)?.host
    }

    static let members: [Schema.Member] =
        GuestParameters.members + [
            .optional("vcpus", .array(.integer(0...4095, ""), "which vCPUs to return; all when left out")),
            .optional("host", HostDocument.schema), .optional("explain", ExplainParameters.schema),
        ]
}

/// The parameters of `vm.show`.
public struct ShowVMParameters: JSONReadable, Sendable {
    /// The VM's name.
    public let vm: String
    /// Which registers to explain; nil for none.
    public let explain: ExplainParameters?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vm = try reader.string("vm")
        explain = try reader.optionalRead("explain", as: ExplainParameters.self)
    }

    static let members: [Schema.Member] = [
        .required("vm", .string("name of a registered VM")), .optional("explain", ExplainParameters.schema),
    ]
}

/// The parameters of `vm.forget`.
public struct ForgetParameters: JSONReadable, Sendable {
    /// The VM's name.
    public let vm: String
    /// The request by which its tables were applied; nil for whatever VM has the name now.
    public let requestID: String?

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vm = try reader.string("vm")
        requestID = try reader.optionalString("requestId")
    }

    static let members: [Schema.Member] = [
        .required("vm", .string("name of a registered VM")),
        .optional("requestId", .string("of the vm.apply by which it was registered; any when left out")),
    ]
}

/// The parameters of `daemon.status`.
public struct StatusParameters: JSONReadable, Sendable {
    /// Whether to tell what changed in the host's KVM, and which VMs that concerns.
    public let changes: Bool

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        changes = try reader.bool("changes", default: false)
    }

    static let members: [Schema.Member] = [
        .optional("changes", .boolean("tell what changed in the host's KVM since an earlier run, and whom it concerns"))
    ]
}

/// No parameters.
public struct NoParameters: JSONReadable, Sendable {
    /// Reads nothing.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {}
}
