// SPDX-License-Identifier: Apache-2.0

public import CPUModels
public import JSON
import X86CPU

/// The result of `model.baseline`.
public struct BaselineResult: JSONWritable {
    private let baseline: Baseline
    private let offered: CPUDescription
    private let names: [String]
    private let detection: Detection?

    /// A result: the baseline, what of it new VMs are offered, what its CPUs are called, and its name where it has one.
    public init(_ baseline: Baseline, offering offered: CPUDescription, names: [String], detection: Detection?) {
        self.baseline = baseline
        self.offered = offered
        self.names = names
        self.detection = detection
    }

    /// Writes the result.
    public func write(to writer: inout JSONWriter) {
        let cpu = offered
        writer.object { writer in
            writer.member("model", detection?.best.version.name)
            writer.member("expression", detection?.best.guestExpression)
            writer.member("vendor", cpu.vendor?.description)
            writer.member("signature", cpu.signature)
            writer.member("features", features: cpu.features)
            writer.member("level") { Self.write(cpu.level, to: &$0) }
            writer.member("extendedLevel") { Self.write(cpu.extendedLevel, to: &$0) }
            writer.member("physicalAddressBits", cpu.physicalAddressBits)
            writer.member("linearAddressBits", cpu.linearAddressBits)
            writer.member("notOffered", features: baseline.notOffered)
            writer.array("lost") { writer in
                for limit in baseline.limits {
                    writer.object { writer in
                        writer.member("feature", FeatureRegistry.shared.name(of: limit.feature))
                        writer.member("lackedBy", limit.count)
                        writer.member("example", limit.first.map { names[$0] })
                    }
                }
            }
        }
    }

    private static func write(_ level: UInt32?, to writer: inout JSONWriter) {
        if let level { writer.hex32(level) } else { writer.null() }
    }

    static let schema = Schema.object(
        [
            .required("model", .nullable(.string("the nearest model; null where the catalog has none"))),
            .required("expression", .nullable(.string("the model expression that gives guests these features"))),
            .required("vendor", .nullable(.string("null where they differ"))),
            .required("signature", .nullable(.signature)),
            .required("features", .features("what new VMs can be offered")),
            .required("level", .nullable(.hex("highest basic leaf"))),
            .required("extendedLevel", .nullable(.hex("highest extended leaf"))),
            .required("physicalAddressBits", .nullable(.integer(0...64, ""))),
            .required("linearAddressBits", .nullable(.integer(0...64, ""))),
            .required("notOffered", .features("what may come with a VM, but is not to be offered to new ones")),
            .required(
                "lost",
                .array(
                    .object(
                        [
                            .required("feature", .string("")),
                            .required("lackedBy", .integer(0...(.max), "how many CPUs lack it")),
                            .required(
                                "example",
                                .nullable(.string("the first of them; null where the feature went with another"))),
                        ], ""), "what some have and the baseline has not")),
        ], "")
}
