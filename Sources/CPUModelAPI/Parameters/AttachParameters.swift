// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameters of `vm.attach`.
public struct AttachParameters: JSONReadable, Sendable {
    /// Name of a registered VM.
    public let vm: String
    /// The request by which its tables were applied: two VMs that have the name one after the other are not mixed up.
    public let requestID: String

    /// Reads the parameters. The member `fds` was consumed with the descriptors, and is only known here.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        _ = try reader.optionalInteger("fds", in: 0...4096)
        vm = try reader.string("vm")
        requestID = try reader.string("requestId")
    }

    static let members: [Schema.Member] = [
        .optional("fds", .integer(0...4096, "number of vCPU descriptors sent with the request; 0 when left out")),
        .required("vm", .string("name of a registered VM")),
        .required("requestId", .string("requestId of the vm.apply by which it was registered")),
    ]
}
