// SPDX-License-Identifier: Apache-2.0

public import JSON
public import X86CPU

/// What changed in this host's KVM since an earlier run of the daemon, and which VMs that concerns.
public struct HostChangesResult: Sendable {
    /// A registered VM that could do here before what it can do no more.
    public struct VM: Sendable {
        /// Its name.
        public var name: String
        /// Its model, as it was asked for.
        public var expression: String
        /// Features without which it cannot be started here again as it is.
        public var lostForStart: FeatureSet
        /// Why a guest with its CPU could not be brought here any more, as sentences; none where it could.
        public var obstacles: [String]

        /// A VM from its parts.
        public init(name: String, expression: String, lostForStart: FeatureSet, obstacles: [String]) {
            self.name = name
            self.expression = expression
            self.lostForStart = lostForStart
            self.obstacles = obstacles
        }
    }

    private let changes: HostChanges
    private let lastSeenAt, since: Int64
    private let vms: [VM]

    /// - Parameters:
    ///   - lastSeenAt: when a run of the daemon last saw the host as it was before, in seconds of the Unix epoch.
    ///   - since: when one first saw it as it is.
    ///   - vms: those that lost by it.
    public init(_ changes: HostChanges, lastSeenAt: Int64, since: Int64, vms: [VM]) {
        self.changes = changes
        self.lastSeenAt = lastSeenAt
        self.since = since
        self.vms = vms
    }
}

extension HostChangesResult: JSONWritable {
    /// Writes what changed.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("lastSeenAt", lastSeenAt)
            writer.member("since", since)
            writer.array("identity") { writer in
                for change in changes.identity {
                    Self.write(change, to: &writer) {
                        $0.member("what", change.place.rawValue)
                    } value: {
                        $0.member($1, $2)
                    }
                }
            }
            writer.member("lost", features: changes.lost)
            writer.member("gained", features: changes.gained)
            writer.array("msrs") { writer in
                for change in changes.msrs {
                    Self.write(change, to: &writer) {
                        $0.member("msr", hex: UInt64(change.place))
                    } value: {
                        $0.member($1, hex: $2, width: 16)
                    }
                }
            }
            writer.array("registers") { writer in
                for change in changes.registers {
                    Self.write(change, to: &writer) { writer in
                        writer.member("leaf", hex32: change.place.leaf)
                        writer.member("subleaf", hex: UInt64(change.place.subleaf))
                        writer.member("register", change.place.register.description)
                    } value: {
                        $0.member($1, hex32: $2)
                    }
                }
            }
            writer.array("capabilities") { writer in
                for change in changes.capabilities {
                    Self.write(change, to: &writer) {
                        $0.member("name", change.place)
                    } value: {
                        $0.member($1, $2)
                    }
                }
            }
            writer.array("vms") { writer in
                for vm in vms { Self.write(vm, to: &writer) }
            }
        }
    }

    /// Writes the place, and `before` and `now` as far as there is something.
    private static func write<Place, Value>(
        _ change: HostChanges.Change<Place, Value>, to writer: inout JSONWriter, place: (inout JSONWriter) -> Void,
        value: (inout JSONWriter, String, Value) -> Void
    ) {
        writer.object { writer in
            place(&writer)
            if let before = change.before { value(&writer, "before", before) }
            if let now = change.now { value(&writer, "now", now) }
        }
    }

    private static func write(_ vm: VM, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("vm", vm.name)
            writer.member("expression", vm.expression)
            writer.member("lostForStart", features: vm.lostForStart)
            writer.member("obstacles", vm.obstacles)
        }
    }

    static let schema = Schema.object(
        [
            .required("lastSeenAt", .integer(0...(.max), "when the host was last seen as before, Unix epoch")),
            .required("since", .integer(0...(.max), "when it was first seen as it is, Unix epoch")),
            .required(
                "identity",
                .array(
                    change(
                        [.required("what", .choice(HostChanges.IdentityField.allCases.map(\.rawValue), ""))],
                        .string("")), "what the host says of itself")),
            .required("lost", .features("guests cannot be given them any more")),
            .required("gained", .features("guests can be given them since")),
            .required(
                "msrs", .array(change([.required("msr", .hex(""))], .hex("")), "the most in each feature MSR")),
            .required(
                "registers",
                .array(
                    change(
                        [
                            .required("leaf", .hex("")), .required("subleaf", .hex("")),
                            .required("register", .choice(CPUIDRegister.allCases.map(\.description), "")),
                        ], .hex("")), "of KVM_GET_SUPPORTED_CPUID, those that are no sets of features")),
            .required(
                "capabilities",
                .array(
                    change([.required("name", .string("without KVM_CAP_"))], .integer(0...(.max), "")),
                    "KVM_CHECK_EXTENSION")),
            .required(
                "vms",
                .array(
                    .object(
                        [
                            .required("vm", .string("a registered VM")), .required("expression", .string("its model")),
                            .required("lostForStart", .features("without them it cannot be started here again")),
                            .required(
                                "obstacles",
                                .array(.string(""), "why a guest with its CPU could not be brought here any more")),
                        ], ""), "registered VMs that could before")),
        ], "what changed in this host's KVM since an earlier run")

    private static func change(_ place: [Schema.Member], _ value: Schema) -> Schema {
        .object(place + [.optional("before", value), .optional("now", value)], "left out where there was or is none")
    }
}
