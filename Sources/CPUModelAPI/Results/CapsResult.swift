// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import JSON
public import X86CPU

/// The result of `vm.caps`: what each vCPU may use right now.
public struct CapsResult: JSONWritable, Sendable {
    /// One vCPU.
    public struct VCPU: Sendable {
        /// Its place in topology order.
        public var index: Int
        /// The id given to KVM_CREATE_VCPU.
        public var vcpuID: UInt32
        /// Where most about it comes from: the best source that answered.
        public var source: LiveSource
        /// Every feature it may use, the runtime ones as they are now.
        public var features: FeatureSet
        /// What KVM keeps up to date in its table.
        public var runtime: [(field: RuntimeField, value: LiveValue)]
        /// The registers behind it, as far as they are known.
        public var registers: [(name: String, value: LiveValue)]
        /// Why better sources were not used.
        public var unavailable: [(source: LiveSource, reason: String)]

        /// A vCPU of which nothing is known yet.
        public init(index: Int, vcpuID: UInt32, source: LiveSource) {
            self.index = index
            self.vcpuID = vcpuID
            self.source = source
            features = FeatureSet()
            runtime = []
            registers = []
            unavailable = []
        }
    }

    private let name: String
    private let isConsistent: Bool
    private let vcpus: [(vcpu: VCPU, set: Int)]
    private let featureSets: [[String]]
    private let holdings: [FeatureHolding]

    /// The capabilities of these vCPUs of a VM.
    ///
    /// - Parameters:
    ///   - isConsistent: whether all vCPUs of the VM have the same CPU, APIC ids apart.
    ///   - holdings: of the features that were asked about, how many of these vCPUs may use them.
    public init(vm name: String, isConsistent: Bool, vcpus: [VCPU], holdings: [FeatureHolding] = []) {
        self.name = name
        self.isConsistent = isConsistent
        self.holdings = holdings
        var sets: [FeatureSet] = []
        self.vcpus = vcpus.map { vcpu in
            if let set = sets.lastIndex(of: vcpu.features) { return (vcpu, set) }
            sets.append(vcpu.features)
            return (vcpu, sets.count - 1)
        }
        featureSets = sets.map { $0.map { FeatureRegistry.shared.name(of: $0) } }
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("vm", name)
            writer.member("consistent", isConsistent)
            writer.array("vcpus") { writer in
                for (vcpu, set) in vcpus { Self.write(vcpu, set: set, to: &writer) }
            }
            writer.member("featureSets", featureSets)
            if !holdings.isEmpty { writer.member("features", holdings) }
        }
    }

    private static func write(_ vcpu: VCPU, set: Int, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("index", vcpu.index)
            writer.member("vcpuId", vcpu.vcpuID)
            writer.member("source", vcpu.source.rawValue)
            writer.member("featureSet", set)
            writer.object("runtime") { writer in
                for (field, value) in vcpu.runtime { writer.member(field.rawValue, value) }
            }
            writer.object("registers") { writer in
                for (name, value) in vcpu.registers { writer.member(name, value) }
            }
            writer.array("unavailable") { writer in
                for (source, reason) in vcpu.unavailable {
                    writer.object { writer in
                        writer.member("source", source.rawValue)
                        writer.member("reason", reason)
                    }
                }
            }
        }
    }

    /// The fields of `runtime`.
    public static let fields: [RuntimeField] = [
        .osxsave, .apic, .mwait, .ospke, .xsaveSize, .compactedSize, .pvUnhalt,
    ]

    /// The names in `registers`.
    public static let registers = ["cr4", "efer", "apicBase", "xcr0", "xss", "miscEnable", "tsxControl"]

    /// The shape of the value of a field.
    static func schema(of field: RuntimeField) -> Schema {
        let isSize = field == .xsaveSize || field == .compactedSize
        return LiveValue.schema(isSize ? .integer(0...(.max), "bytes") : .boolean(""))
    }

    static let schema = Schema.object(
        [
            .required("vm", .string("the VM's name")),
            .required("consistent", .boolean("whether all vCPUs of the VM have the same CPU, APIC ids apart")),
            .required("vcpus", .array(vcpuSchema, "in topology order")),
            .required(
                "featureSets", .array(.array(.string(""), ""), "distinct lists of the features that a vCPU may use")),
            .optional("features", .array(FeatureHolding.schema, "those that were asked about")),
        ], "")

    private static let vcpuSchema = Schema.object(
        [
            .required("index", .integer(0...4095, "place in topology order")),
            .required("vcpuId", .integer(0...(.max), "id given to KVM_CREATE_VCPU")),
            .required("source", LiveSource.schema),
            .required("featureSet", .integer(0...(.max), "index into featureSets")),
            .required(
                "runtime",
                .object(
                    fields.map { .optional($0.rawValue, schema(of: $0)) },
                    "what KVM keeps up to date in the vCPU's table; left out where the table has no such leaf")),
            .required(
                "registers",
                .object(
                    registers.map { .optional($0, LiveValue.schema(.hex(""))) }, "left out where not known")),
            .required(
                "unavailable",
                .array(
                    .object([.required("source", LiveSource.schema), .required("reason", .string(""))], ""),
                    "sources that are better and were not used")),
        ], "")
}
