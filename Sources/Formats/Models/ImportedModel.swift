// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import X86CPU

/// What a CPU in another program's words means here.
public struct ImportedModel: Sendable, Hashable {
    /// The model and its changes.
    public var expression: ModelExpression
    /// Features that the guest has where the host has them; they are not part of the expression.
    public var optional = FeatureSet()
    /// A vendor of its own, other than the model's; nil for the model's.
    public var vendor: CPUVendor?
    /// A signature of its own; nil for the model's.
    public var signature: CPUSignature?
    /// A brand string of its own; nil for the model's.
    public var brand: String?
    /// The width of physical addresses in bits; nil where nothing is said.
    public var physicalAddressBits: UInt8?
    /// Whether the guest must not start where the host lacks a feature; nil where nothing is said.
    public var failsOnUnavailable: Bool?
    /// What was said and has no place here, or deserves a second look, as sentences.
    public var notes: [String] = []

    init(_ expression: ModelExpression) { self.expression = expression }
}

extension ModelExpression {
    /// An expression of a model's name and changes. Features that show a running guest's state are left out, for no
    /// model has them.
    init(
        base: String, added: FeatureSet, removed: FeatureSet, file: String
    ) throws(FormatError) {
        let registry = FeatureRegistry.shared
        let runtime: FeatureSet = [.osxsave, .ospke]
        let changes =
            added.subtracting(runtime).map { "+" + registry.name(of: $0) }
            + removed.subtracting(runtime).map { "-" + registry.name(of: $0) }
        do throws(ExpressionError) {
            try self.init(parsing: ([base] + changes).joined(separator: ","))
        } catch {
            throw FormatError(error.kind == .unknownModel ? .unknownName : .syntax, file: file, error.description)
        }
    }
}

/// A CPU written for another program.
public struct ExportedModel: Sendable, Hashable {
    /// The text.
    public var text: String
    /// Features in which the text differs from the model, because the program has no name for them.
    public var inexpressible = FeatureSet()
    /// What the text cannot say, or takes for granted, as sentences.
    public var notes: [String] = []

    init(_ text: String) { self.text = text }
}

extension FeatureSet {
    /// The names in order, for sentences.
    var nameList: String { map { FeatureRegistry.shared.name(of: $0) }.joined(separator: ", ") }

    /// The features that only one of the sets has.
    func symmetricDifference(_ other: FeatureSet) -> FeatureSet { subtracting(other).union(other.subtracting(self)) }
}
