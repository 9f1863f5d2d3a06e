// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.verify` for people: which VMs have still what was recorded, and what the others have.
public struct VerifyReport: Report {
    private struct VM {
        let name, outcome: String
        let reason: String?
        let vcpuCount: Int
        var drifted: [(set: TableDifferences, vcpus: [Int64])] = []

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            name = try reader.string("vm")
            outcome = try reader.string("outcome")
            reason = try reader.optionalString("reason")
            for (position, set) in try reader.array("differenceSets").enumerated() {
                let path = "\(reader.path).differenceSets[\(position)]"
                drifted.append((try TableDifferences(reading: set, path: path), []))
            }
            let sets = drifted.count
            let vcpus = try reader.objects("vcpus") { (vcpu) throws(JSONShapeError) in
                (try vcpu.integer("index"), try vcpu.optionalInteger("differenceSet", in: 0...Int64(max(sets - 1, 0))))
            }
            vcpuCount = vcpus.count
            for case (let index, let set?) in vcpus where Int(set) < sets { drifted[Int(set)].vcpus.append(index) }
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
            ["VM", "VCPUS", "OUTCOME", "REASON"],
            vms.map { vm in
                [Cell(vm.name), "\(vm.vcpuCount)", outcome(of: vm), Cell(vm.reason ?? "")]
            })
        for vm in vms {
            for (set, vcpus) in vm.drifted {
                let noun = vcpus.count == 1 ? "vCPU" : "vCPUs"
                page.title("\(vm.name), \(noun) \(CPUList.format(vcpus)): not as recorded")
                set.write(to: &page)
            }
        }
    }

    private func outcome(of vm: VM) -> Cell {
        switch vm.outcome {
        case "asRecorded": Cell("as recorded", .green)
        case "drifted": Cell("drifted", .red)
        case "unverifiable": Cell("cannot be told", .yellow)
        default: Cell(vm.outcome)
        }
    }
}
