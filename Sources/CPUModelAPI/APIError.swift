// SPDX-License-Identifier: Apache-2.0

public import JSON

/// An application error as a client gets it: a kind for programs, a sentence for people, and data to act on.
///
/// The article Protocol lists the kinds with their codes.
public struct APIError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Kind: String, Sendable, CaseIterable {
        case unknownModel, unknownFeature, badExpression
        case badDocument, noBaseline
        case featuresUnavailable, altered, refused, ownerDeadline, ownerFault, ownerGone
        case executorUnavailable, notInjected
        case badDescriptor, badTopology, badBase
        case nameInUse, unknownVM
        case modelExists, modelChanged, modelInUse, notStored
        case notPermitted
        case hostUnavailable
        case limitExceeded

        /// The code of the JSON-RPC error object.
        public var code: Int {
            switch self {
            case .unknownModel: -32001
            case .unknownFeature: -32002
            case .badExpression: -32003
            case .badDocument: -32004
            case .noBaseline: -32005
            case .featuresUnavailable: -32010
            case .altered: -32011
            case .refused: -32012
            case .ownerDeadline: -32013
            case .ownerFault: -32014
            case .ownerGone: -32015
            case .executorUnavailable: -32016
            case .notInjected: -32017
            case .badDescriptor: -32020
            case .badTopology: -32022
            case .badBase: -32023
            case .nameInUse: -32030
            case .unknownVM: -32031
            case .modelExists: -32033
            case .modelChanged: -32034
            case .modelInUse: -32035
            case .notStored: -32036
            case .notPermitted: -32040
            case .hostUnavailable: -32050
            case .limitExceeded: -32060
            }
        }
    }

    /// What went wrong.
    public let kind: Kind
    /// One sentence for a person.
    public let message: String
    /// What a program can act on, beside the kind.
    public let data: JSONObject

    /// An error from its parts.
    public init(_ kind: Kind, _ message: String, data: JSONObject = JSONObject()) {
        self.kind = kind
        self.message = message
        self.data = data
    }

    /// The message.
    public var description: String { message }

    /// The data with the kind as its first member: the error object's `data`.
    public var dataWithKind: JSONObject {
        JSONObject([("kind", .string(kind.rawValue))] + data.map { ($0.key, $0.value) })
    }
}
