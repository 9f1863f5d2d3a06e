// SPDX-License-Identifier: Apache-2.0

/// Why a model expression cannot be read, or not be expanded.
public struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for a program.
    public enum Kind: Sendable, Hashable {
        /// The expression does not follow the syntax, or contradicts itself.
        case syntax
        /// It names a feature that does not exist.
        case unknownFeature
        /// It names a model or version that does not exist.
        case unknownModel
        /// It sets a property of QEMU's that is no feature.
        case notAFeature
        /// It sets a feature that shows the state of the running guest.
        case runtimeFeature
        /// `host` and `max` mean nothing without a host.
        case hostNeeded
    }

    /// What is wrong, for a program.
    public let kind: Kind
    /// The part of the expression that is wrong.
    public let part: String
    /// What was most likely meant instead, or nil.
    public let suggestion: String?
    /// The file that would define the model, which is refused; nil for other reasons.
    public let refused: RefusedModelFile?
    /// What is wrong, as a sentence for a person.
    public let description: String

    init(
        _ kind: Kind, _ part: String, suggestion: String? = nil, refused: RefusedModelFile? = nil, _ description: String
    ) {
        self.refused = refused
        self.kind = kind
        self.part = part
        self.suggestion = suggestion
        self.description = description + (suggestion.map { " Did you mean \($0)?" } ?? "")
    }
}
