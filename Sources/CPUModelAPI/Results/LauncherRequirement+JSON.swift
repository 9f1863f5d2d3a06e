// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON

extension LauncherRequirement: JSONWritable {
    private var kind: String {
        switch self {
        case .tileDataPermission: "xstatePermission"
        }
    }

    /// Writes the requirement.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", kind)
            writer.member("component", component)
            writer.member("how", call)
        }
    }

    static let meaning = "what the launcher has to do itself, before it creates its first vCPU"

    static let schema = Schema.object(
        [
            .required("kind", .string("xstatePermission: permission for a state component in guests")),
            .required("component", .integer(0...63, "the state component, a bit of XCR0")),
            .required("how", .string("the call, for a person")),
        ], "")
}
