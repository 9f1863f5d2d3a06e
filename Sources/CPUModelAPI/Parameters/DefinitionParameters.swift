// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameters of `model.define`.
public struct DefineParameters: JSONReadable, Sendable {
    /// A model file.
    public let text: String
    /// Whether it may take the place of a model of that name that was defined at run time.
    public let replace: Bool
    /// The digest of the model that it replaces, to be sure that nobody changed that since.
    public let digest: String?
    /// Whether VMs that use the model are no reason against it.
    public let force: Bool

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        text = try reader.string("text")
        replace = try reader.bool("replace", default: false)
        digest = try reader.optionalString("digest")
        force = try reader.bool("force", default: false)
    }

    static let members: [Schema.Member] = [
        .required("text", .string("a model file")),
        .optional("replace", .boolean("take the place of a model that was defined at run time")),
        .optional("digest", .string("digest of the model to be replaced, as model.show gives it")),
        .optional("force", .boolean("also when VMs use the model")),
    ]
}

/// The parameters of `model.remove`.
public struct RemoveParameters: JSONReadable, Sendable {
    /// The model's name, without a version.
    public let model: String
    /// The model's digest, to be sure that nobody changed it since.
    public let digest: String?
    /// Whether VMs that use the model are no reason against it.
    public let force: Bool

    /// Reads the parameters.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        model = try reader.string("model")
        digest = try reader.optionalString("digest")
        force = try reader.bool("force", default: false)
    }

    static let members: [Schema.Member] = [
        .required("model", .string("name of a model that was defined at run time")),
        .optional("digest", .string("its digest, as model.show gives it")),
        .optional("force", .boolean("also when VMs use the model")),
    ]
}

/// The result of `model.define`.
public struct DefineResult: JSONWritable {
    private let model: String
    private let digest: String
    private let isNew: Bool

    /// A model of that name and digest, new or in the place of another.
    public init(model: String, digest: String, isNew: Bool) {
        self.model = model
        self.digest = digest
        self.isNew = isNew
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("model", model)
            writer.member("digest", digest)
            writer.member("created", isNew)
        }
    }

    static let schema = Schema.object(
        [
            .required("model", .string("the model's name")),
            .required("digest", .string("hash of its definition")),
            .required("created", .boolean("false where it took the place of another")),
        ], "")
}
