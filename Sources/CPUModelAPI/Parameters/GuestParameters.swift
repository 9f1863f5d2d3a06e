// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
import JSON

/// The parameters that say which CPU a guest is to have, common to `table.compute` and `vm.apply`.
public struct GuestParameters: Sendable {
    /// A model expression.
    public let model: String
    /// The topology, if one is given.
    public let topology: Topology?
    /// What to do about features that the host cannot give.
    public let unavailable: UnavailablePolicy
    /// What else the VM's owner chose.
    public let options: GuestCPU.Options
    /// Tables to lay the model over; nil where it makes tables of its own.
    public let overlay: OverlayParameters?

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        topology = try reader.optionalRead("topology", as: TopologyParameters.self)?.topology
        unavailable = try reader.enumeration("unavailable", default: UnavailablePolicy.fail)
        options = try GuestCPU.Options(reading: &reader)
        overlay = try OverlayParameters.read(&reader)
        let hasShape = topology != nil || options.apicIDs != nil
        guard overlay?.kept.contains(.topology) != true || !hasShape else {
            throw reader.error(
                options.apicIDs == nil ? "topology" : "apicIds", "makes no sense when \"base\" keeps the topology")
        }
    }

    static let members: [Schema.Member] =
        [
            .required(
                "model", .string("a model expression such as \"EPYC-Milan-v2,-svm,+invtsc\", \"host\" or \"max\"")),
            .optional("topology", TopologyParameters.schema),
            .optional("unavailable", UnavailablePolicy.schema),
        ] + GuestCPU.Options.members + OverlayParameters.members
}
