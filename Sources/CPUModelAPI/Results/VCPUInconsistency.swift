// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import JSON
import X86CPU

/// Where some vCPUs of a VM are another CPU than its first one: an operating system that finds such takes the first
/// one's word for all, and fails on the others.
struct VCPUInconsistency {
    /// The vCPUs, by place in topology order.
    let vcpus: [Int]
    /// How their tables differ from the first one's: APIC ids, and what follows the state of a vCPU, left out.
    let differences: [TableDifference]

    /// All that there are in a VM.
    static func all(in record: VMRecord) -> [VCPUInconsistency] {
        let first = record.table.withoutAPICIDs()
        return record.report.stampGroups.dropFirst().map { group in
            let differences = first.differences(in: record.tables[group.first].withoutAPICIDs())
            return VCPUInconsistency(
                vcpus: record.report.vcpus.filter { $0.stamp == group.stamp }.map(\.index),
                differences: differences.filter { $0.kind != .runtime })
        }
    }
}

extension VCPUInconsistency: JSONWritable {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.array("vcpus") { writer in
                for vcpu in vcpus { writer.integer(Int64(vcpu)) }
            }
            writer.array("places") { writer in
                for difference in differences { Self.write(difference, to: &writer) }
            }
        }
    }

    private static func write(_ difference: TableDifference, to writer: inout JSONWriter) {
        writer.object { writer in
            switch difference.place {
            case .register(let leaf, let subleaf, let register):
                writer.member("leaf", hex32: leaf)
                writer.member("subleaf", hex: UInt64(subleaf))
                writer.member("register", register.description)
                writer.member("first", hex32: UInt32(truncatingIfNeeded: difference.want))
                writer.member("these", hex32: UInt32(truncatingIfNeeded: difference.got))
            case .entry(let leaf, let subleaf):
                writer.member("leaf", hex32: leaf)
                writer.member("subleaf", hex: UInt64(subleaf))
            case .msr(let index):
                writer.member("msr", hex32: index)
            }
        }
    }

    static let schema = Schema.object(
        [
            .required("vcpus", .array(.integer(0...4095, ""), "by place in topology order")),
            .required(
                "places",
                .array(
                    .object(
                        [
                            .optional("leaf", .hex("")), .optional("subleaf", .hex("")), .optional("msr", .hex("")),
                            .optional(
                                "register",
                                .choice(
                                    CPUIDRegister.allCases.map(\.description),
                                    "left out where one of the two tables has not the entry")),
                            .optional("first", .hex("what the first vCPU has")),
                            .optional("these", .hex("what these have")),
                        ], ""), "where their tables differ from the first vCPU's")),
        ], "vCPUs that are another CPU than the first, APIC ids and runtime state apart")
}
