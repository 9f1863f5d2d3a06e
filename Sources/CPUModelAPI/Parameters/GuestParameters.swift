// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
import JSON

/// The parameters that say which CPU a guest is to have, common to `table.compute` and `vm.apply`.
public struct GuestParameters: Sendable {
    /// A model expression.
    public let model: String
    /// The topology, if one is given.
    public let topology: Topology?
    /// x2APIC ids, if given.
    public let apicIDs: [UInt32]?
    /// What to do about features that the host cannot give.
    public let unavailable: UnavailablePolicy
    /// Width of a guest physical address; nil for the host's, or the one of the tables that the model is laid over.
    public let physicalAddressBits: UInt8?
    /// Tables to lay the model over; nil where it makes tables of its own.
    public let overlay: OverlayParameters?

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        topology = try reader.optionalRead("topology", as: TopologyParameters.self)?.topology
        apicIDs = try reader.optionalIntegers("apicIds", in: 0...Int64(UInt32.max))?.map { UInt32($0) }
        unavailable = try reader.enumeration("unavailable", default: UnavailablePolicy.fail)
        physicalAddressBits = try Self.addressBits(&reader)
        overlay = try OverlayParameters.read(&reader)
        guard overlay?.kept.contains(.topology) != true || (topology == nil && apicIDs == nil) else {
            throw reader.error(
                apicIDs == nil ? "topology" : "apicIds", "makes no sense when \"base\" keeps the topology")
        }
    }

    /// An integer, or the word `host`.
    private static func addressBits(_ reader: inout ObjectReader) throws(JSONShapeError) -> UInt8? {
        let key = "physicalAddressBits"
        switch reader.value(key) {
        case nil, .null, .string("host"): return nil
        case .integer(let bits) where 32...52 ~= bits: return UInt8(bits)
        default: throw reader.error(key, "must be \"host\" or an integer from 32 to 52")
        }
    }

    static let members: [Schema.Member] =
        [
            .required(
                "model", .string("a model expression such as \"EPYC-Milan-v2,-svm,+invtsc\", \"host\" or \"max\"")),
            .optional("topology", TopologyParameters.schema),
            .optional(
                "apicIds", .array(.integer(0...Int64(UInt32.max), ""), "x2APIC id of every vCPU, in topology order")),
            .optional("unavailable", UnavailablePolicy.schema),
            .optional("physicalAddressBits", .any("\"host\", the default, or an integer from 32 to 52")),
        ] + OverlayParameters.members
}
