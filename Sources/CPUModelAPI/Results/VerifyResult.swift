// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.verify`.
public struct VerifyResult: JSONWritable, Sendable {
    /// The VMs that were asked for, by name.
    public let vms: [VMVerification]

    /// A result of these.
    public init(_ vms: [VMVerification]) { self.vms = vms }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for outcome in VMVerification.Outcome.allCases {
                writer.member(outcome.rawValue, vms.count { $0.outcome == outcome })
            }
            writer.member("vms", vms)
        }
    }

    static let schema = Schema.object(
        VMVerification.Outcome.allCases.map {
            .required($0.rawValue, .integer(0...(.max), "number of VMs with this outcome"))
        } + [.required("vms", .array(VMVerification.schema, "by name"))], "")
}
