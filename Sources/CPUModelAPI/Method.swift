// SPDX-License-Identifier: Apache-2.0

public import JSON

/// One method of the API, as it describes itself.
public struct Method: Sendable {
    /// The method's name.
    public let name: String
    /// What it does, in one line.
    public let summary: String
    /// The parameters, an object.
    public let parameters: Schema
    /// The result.
    public let result: Schema
    /// Who may call it.
    public let access: MethodAccess
    /// Whether a request carries file descriptors.
    public let takesDescriptors: Bool
    /// Whether it may be called on the query socket: it changes nothing and takes no descriptors.
    public var isQuery: Bool { access.action == .query && !takesDescriptors }
    /// What the daemon sends on the connection from then on, if it does.
    public let notification: Notification?

    /// What the daemon sends to a client that has asked for it.
    public struct Notification: Sendable {
        /// The method that it calls.
        public let name: String
        /// The parameters, an object.
        public let parameters: Schema
    }

    init(
        _ name: String, _ summary: String, access: MethodAccess, parameters: [Schema.Member] = [], result: Schema,
        takesDescriptors: Bool = false, notification: Notification? = nil
    ) {
        self.name = name
        self.summary = summary
        self.parameters = .object(parameters, "")
        self.result = result
        self.access = access
        self.takesDescriptors = takesDescriptors
        self.notification = notification
    }
}

/// The OpenRPC document that `rpc.discover` returns (OpenRPC specification 1.3).
public struct Discovery: JSONWritable {
    /// The daemon's version.
    public let version: String

    /// A document for this version.
    public init(version: String) { self.version = version }

    /// Writes the document.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("openrpc", "1.3.2")
            writer.object("info") { writer in
                writer.member("title", "cpumodeld")
                writer.member("description", "CPU models for the VMs of a KVM host")
                writer.member("version", version)
                writer.object("license") { $0.member("name", "Apache-2.0") }
            }
            writer.array("methods") { writer in
                for method in Method.all { write(method, to: &writer) }
            }
            writer.object("components") { writer in
                writer.object("errors") { writer in
                    for kind in APIError.Kind.allCases {
                        writer.object(kind.rawValue) { writer in
                            writer.member("code", kind.code)
                            writer.member("message", kind.rawValue)
                        }
                    }
                }
            }
        }
    }

    private func write(_ method: Method, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", method.name)
            writer.member("summary", method.summary)
            writer.member("paramStructure", "by-name")
            writer.array("params") { writer in
                for member in method.parameters.members {
                    writer.object { writer in
                        writer.member("name", member.name)
                        writer.member("required", member.isRequired)
                        writer.member("schema", member.schema)
                    }
                }
            }
            writer.object("result") { writer in
                writer.member("name", "result")
                writer.member("schema", method.result)
            }
            writer.member("x-query-socket", method.isQuery)
            writer.member("x-takes-descriptors", method.takesDescriptors)
            writer.member("x-action", method.access.action.rawValue)
            writer.member("x-owner-may", method.access.includesOwner)
            if let notification = method.notification {
                writer.object("x-notifies") { writer in
                    writer.member("name", notification.name)
                    writer.member("schema", notification.parameters)
                }
            }
        }
    }
}
