// SPDX-License-Identifier: Apache-2.0

public import CPUModelAPI
import CPUModels
import Descriptors
import GuestCPU
import JSON
public import JSONRPC
import Spelling
import UnitSyntax
import X86CPU

extension APIError: RPCErrorConvertible {
    /// The error object that the article Protocol describes.
    public var rpcError: RPCError { RPCError(code: kind.code, message: message, data: dataWithKind) }
}

extension APIError {
    /// An expression that cannot be understood, or names what does not exist.
    init(_ error: ExpressionError, in expression: String) {
        var data = JSONObject()
        let kind: Kind =
            switch error.kind {
            case .unknownModel: .unknownModel
            case .unknownFeature: .unknownFeature
            case .syntax, .notAFeature, .runtimeFeature: .badExpression
            case .hostNeeded: .hostUnavailable
            }
        switch kind {
        case .unknownModel:
            data.set(.string(error.part), for: "model")
            if let file = error.refused {
                data.set(.string(file.path), for: "file")
                data.set(.array(file.problems.map { .string($0) }), for: "problems")
            }
        case .unknownFeature:
            let name = error.part.drop { $0 == "+" || $0 == "-" }.prefix { $0 != "=" }
            data.set(.string(String(name)), for: "feature")
        default: data.set(.string(expression), for: "expression")
        }
        if let suggestion = error.suggestion { data.set(.string(suggestion), for: "suggestion") }
        self.init(kind, error.description, data: data)
    }

    /// A name that no model has.
    init(unknownModel name: String, in catalog: ModelCatalog) {
        self.init(catalog.unknownModel(name), in: name)
    }

    /// Features that the host cannot give.
    init(unavailable: [UnavailableFeature], of model: String) {
        let names = unavailable.prefix(4).map { FeatureRegistry.shared.name(of: $0.feature) }.joined(separator: ", ")
        let rest = unavailable.count > 4 ? " and \(unavailable.count - 4) more" : ""
        let reason = unavailable.count == 1 ? ", as \(unavailable[0].reasonText)" : ""
        let features = unavailable.map { (try? JSONValue(parsing: $0.jsonBytes())) ?? .null }
        self.init(
            .featuresUnavailable,
            "This host cannot give \(names)\(rest) of \(model)\(reason). "
                + "Leave out what is missing with \"unavailable\": \"drop\", or choose another model.",
            data: ["features": .array(features)])
    }

    /// KVM that cannot be used.
    init(_ error: SystemError) {
        self.init(
            .hostUnavailable, "This host's KVM cannot be used: \(error).",
            data: ["errno": .integer(Int64(error.errno)), "errnoName": .string(error.name)])
    }

    /// A CPU that cannot be computed.
    init(_ error: GuestCPUError) {
        self.init(.badTopology, error.description)
    }

    /// A model that cannot be laid over a VMM's tables.
    init(_ error: OverlayError) {
        switch error {
        case .guest, .topology: self.init(.badTopology, error.description)
        case .noTable(let vcpu): self.init(.badBase, error.description, data: ["vcpu": .integer(Int64(vcpu))])
        case .sameAPICID(_, let vcpus):
            self.init(.badBase, error.description, data: ["vcpu": .integer(Int64(vcpus.1))])
        case .foreignCaches(let vcpu, _):
            self.init(.badBase, error.description, data: ["vcpu": .integer(Int64(vcpu))])
        }
    }

    /// A VM that is not registered.
    init(unknownVM name: String, among names: some Collection<String>) {
        var data: JSONObject = ["vm": .string(name)]
        var message = "There is no VM \"\(name)\" here."
        if let suggestion = nearest(name, in: names) {
            data.set(.string(suggestion), for: "suggestion")
            message += " Did you mean \"\(suggestion)\"?"
        }
        self.init(.unknownVM, message, data: data)
    }
}
