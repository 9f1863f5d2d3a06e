// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.list` for people.
public struct VMListReport: Report {
    private struct VM {
        let name, model, expression, verdict: String
        let vcpus, pid, uid, appliedAt: Int64
        let newestVersion: String?
        let isConsistent: Bool

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            name = try reader.string("vm")
            model = try reader.string("model")
            expression = try reader.string("expression")
            verdict = try reader.string("verdict")
            vcpus = try reader.integer("vcpuCount")
            pid = try reader.integer("pid")
            uid = try reader.integer("uid")
            appliedAt = try reader.integer("appliedAt")
            newestVersion = try reader.optionalString("newestVersion")
            isConsistent = try reader.bool("consistent", default: true)
        }

        /// The version that an unversioned name stood for, and what was changed of it: `EPYC-Milan-v1,-svm`.
        var modelWithChanges: String { model + expression.drop { $0 != "," } }

        /// The model, and what is odd about it.
        var remarks: String {
            let newer = newestVersion.map { " (\($0) is newer)" } ?? ""
            return modelWithChanges + newer + (isConsistent ? "" : " (its vCPUs differ)")
        }
    }

    private let vms: [VM]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        vms = try reader.objects("vms") { (vm) throws(JSONShapeError) in try VM(reading: &vm) }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        guard !vms.isEmpty else { return page.sentence("No VM is registered.") }
        page.table(
            ["VM", "VCPUS", "VERDICT", "AGE", "PROCESS", "USER", "MODEL"],
            vms.map { vm in
                [
                    Cell(vm.name), "\(vm.vcpus)", Cell(vm.verdict, tint(forVerdict: vm.verdict)),
                    Cell(elapsed(seconds: page.style.now - vm.appliedAt)), "\(vm.pid)", "\(vm.uid)",
                    Cell(vm.remarks),
                ]
            })
    }
}
