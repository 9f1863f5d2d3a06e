// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import Testing
import X86CPU

struct VMRecordTests {
    private let arch: UInt32 = 0x10A
    private let vmx: UInt32 = 0x48B

    /// A record of a VM whose vCPUs have these feature MSRs, where others were asked for.
    private func record(
        asked: [UInt32: UInt64], got vcpus: [[UInt32: UInt64]], ids: [UInt32] = Array(0..<8)
    ) throws -> VMRecord {
        var report = VCPUReport()
        for (index, got) in vcpus.enumerated() {
            report.add(
                vcpuID: ids[index], apicID: ids[index], differences: msrDifferences(want: asked, got: got),
                readBack: StampInput(table: CPUIDTable(), featureMSRs: got))
        }
        return VMRecord(
            name: "vm", model: "Small-v1", expression: "Small", topology: try Topology(),
            options: GuestCPU.Options(), overlay: nil, report: report,
            tables: VCPUTables(vcpus.map { _ in CPUIDTable() }), featureMSRs: vcpus.first ?? [:], dropped: [],
            executor: "owner", owner: VMOwner(pid: 1, uid: 0, gid: 0, startTime: 0), appliedAt: 0, requestID: "1-1")
    }

    @Test func featureMSRsAreThoseOfEachVCPU() throws {
        let vcpus: [[UInt32: UInt64]] = [
            [arch: 1, vmx: 8], [arch: 1, vmx: 2], [arch: 5, vmx: 2], [arch: 1, vmx: 0],
        ]
        for first in vcpus {
            let record = try record(asked: [arch: 1, vmx: 8], got: [first] + vcpus)
            #expect(record.featureMSRs(ofVCPU: 0) == first)
            for (index, msrs) in vcpus.enumerated() { #expect(record.featureMSRs(ofVCPU: index + 1) == msrs) }
        }
    }

    @Test func joinedVCPUsBringTheirOwn() throws {
        let asked: [UInt32: UInt64] = [arch: 1, vmx: 8]
        let vm = try record(asked: asked, got: [[arch: 1, vmx: 2], asked])
        let grown = vm.joined(by: try record(asked: asked, got: [asked, [arch: 4, vmx: 8]], ids: [2, 3]))
        #expect((0..<4).map(grown.featureMSRs(ofVCPU:)) == [[arch: 1, vmx: 2], asked, asked, [arch: 4, vmx: 8]])
        let replaced = grown.joined(
            by: try record(asked: asked, got: [[arch: 4, vmx: 8], [arch: 0, vmx: 8]], ids: [1, 0]))
        #expect(
            (0..<4).map(replaced.featureMSRs(ofVCPU:)) == [
                [arch: 0, vmx: 8], [arch: 4, vmx: 8], asked, [arch: 4, vmx: 8],
            ])
    }

    @Test func oneThatCannotBeReadIsZero() throws {
        let record = try record(asked: [arch: 1, vmx: 8], got: [[arch: 1], [arch: 1, vmx: 8]])
        #expect(record.featureMSRs(ofVCPU: 0) == [arch: 1, vmx: 0])
        #expect(record.featureMSRs(ofVCPU: 1) == [arch: 1, vmx: 8])
    }
}
