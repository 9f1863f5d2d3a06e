// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The parameters of `vm.apply`.
public struct ApplyParameters: JSONReadable, Sendable {
    /// The VM's name.
    public let name: String
    /// The VM's UUID, in lower case; nil where the request says none.
    public let uuid: String?
    /// The CPU it is to have.
    public let guest: GuestParameters
    /// What to do when KVM changed the table.
    public let altered: AlteredPolicy
    /// Whether to take the name over from a registered VM of the same user.
    public let replace: Bool
    /// Whether the vCPUs come to those of a VM that the same process has registered by that name, if it has.
    public let join: Bool
    /// Who is to make the ioctls.
    public let executor: ExecutorChoice
    /// Whether the caller says of its own seccomp filters that they kill for none of the calls of an injected job.
    public let filtersReturn: Bool

    /// Reads the parameters. The member `fds` was consumed with the descriptors, and is only known here.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        _ = try reader.integer("fds", in: 1...4096)
        name = try reader.string("name")
        uuid = try Self.uuid(&reader)
        guest = try GuestParameters(reading: &reader)
        altered = try reader.enumeration("altered", default: AlteredPolicy.fail)
        replace = try reader.bool("replace", default: false)
        join = try reader.bool("join", default: false)
        executor = try reader.enumeration("executor", default: ExecutorChoice.auto)
        filtersReturn = try reader.bool("filtersReturn", default: false)
        guard Self.isName(name) else {
            throw reader.error(
                "name", "must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ -, the first a letter or a digit")
        }
    }

    /// 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 (RFC 9562).
    private static func uuid(_ reader: inout ObjectReader) throws(JSONShapeError) -> String? {
        guard let text = try reader.optionalString("uuid") else { return nil }
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12], digits.allSatisfy(isHexadecimalDigit) else {
            throw reader.error("uuid", "must be a UUID, such as \"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"")
        }
        return text.lowercased()
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    /// Whether a text can name a VM.
    private static func isName(_ text: String) -> Bool {
        let bytes = text.utf8
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard let first = bytes.first, bytes.count <= 64 else { return false }
        return isAlphanumeric(first) && bytes.allSatisfy { isAlphanumeric($0) || "._:@-".utf8.contains($0) }
    }

    static let members: [Schema.Member] =
        [
            .required("fds", .integer(1...4096, "number of vCPU descriptors sent with the request")),
            .required("name", .string("name of the VM, unique on this host")),
            .optional("uuid", .string("UUID of the VM, unique on this host")),
        ] + GuestParameters.members + [
            .optional("altered", AlteredPolicy.schema),
            .optional("replace", .boolean("take the name over from a registered VM of the same user")),
            .optional("join", .boolean("add the vCPUs to the VM that this process has registered by that name")),
            .optional("executor", ExecutorChoice.schema),
            .optional(
                "filtersReturn",
                .boolean("the caller's seccomp filters kill for none of the calls of an injected job")),
        ]
}
