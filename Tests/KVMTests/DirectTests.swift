// SPDX-License-Identifier: Apache-2.0

import CKVM
import Descriptors
import Glibc
import KVM
import Testing
import X86CPU

/// A VM of this process, for tests in which the owner is the caller.
final class TestVM {
    let vcpus: [VCPUDescriptor]
    private let vm: CInt
    private let kvm: CInt

    static let isPossible = unsafe access("/dev/kvm", R_OK | W_OK) == 0

    init(vcpuCount: Int) throws {
        kvm = unsafe ckvm_open("/dev/kvm")
        vm = ckvm_create_vm(kvm)
        try #require(kvm >= 0 && vm >= 0)
        var vcpus: [VCPUDescriptor] = []
        for id in 0..<vcpuCount {
            let vcpu = ckvm_create_vcpu(vm, UInt32(id))
            try #require(vcpu >= 0)
            vcpus.append(try VCPUDescriptor(identifying: SharedDescriptor(owning: vcpu)))
        }
        self.vcpus = vcpus
    }

    deinit {
        close(vm)
        close(kvm)
    }
}

/// Against the real /dev/kvm.
@Suite(.enabled(if: TestVM.isPossible, "/dev/kvm cannot be opened"))
struct DirectTests {
    private func run(_ steps: [JobStep], on vm: TestVM) async throws -> [JobResult] {
        let job = try JobFile(steps, vcpuCount: vm.vcpus.count)
        try await DirectExecutor().execute(job, on: vm.vcpus)
        return try job.results()
    }

    private func table(_ host: HostCPU) -> CPUIDTable {
        CPUIDTable(host.supported.entries.filter { !$0.isZero })
    }

    @Test func theHostIsProbed() throws {
        let host = try HostCPU.probe()
        #expect(host.supported.entries.count > 10)
        #expect(host.supported.value(1, 0, .ebx) >> 24 == 0)
        #expect(host.native.value(0, 0, .ebx) == host.identity.vendor.ebx)
        #expect(host.capabilities["MAX_VCPUS", default: 0] > 0)
        #expect(!host.identity.kernel.isEmpty)
        #expect(try HostCPU.probe() == host, "two probes of one host are equal, on whatever CPU they run")
    }

    @Test func vcpusAreKnownByTheirLink() throws {
        let vm = try TestVM(vcpuCount: 3)
        #expect(vm.vcpus.map(\.id) == [0, 1, 2])
    }

    @Test(arguments: ["/dev/kvm", "/etc/passwd", "/dev/null"])
    func otherFilesAreNot(path: String) throws {
        let file = SharedDescriptor(owning: unsafe open(path, O_RDONLY | O_CLOEXEC))
        let error = try #require(throws: NotAVCPU.self) { try VCPUDescriptor(identifying: file) }
        #expect(error.found.contains(path))
    }

    @Test func aTableIsAppliedReadBackAndPutBack() async throws {
        let vm = try TestVM(vcpuCount: 3)
        let table = table(try HostCPU.probe())
        let plan = TableApplication(tables: [table, table, table], featureMSRs: [:])
        let outcome = plan.outcome(of: try await run(plan.steps, on: vm))
        #expect(outcome.refusal == nil)
        #expect(outcome.vcpus.allSatisfy { $0.wasSet && $0.before?.count == 0 })
        let after = try outcome.vcpus.map { try #require($0.after) }
        #expect(after.allSatisfy { $0.table.value(0x8000_0008, 0, .eax) == table.value(0x8000_0008, 0, .eax) })

        let undo = plan.restoration(of: outcome)
        let results = try await run(undo, on: vm)
        #expect(plan.isRestored(outcome, by: undo, results: results))
        let now = try await run([JobStep(.getCPUID(capacity: 256), vcpu: 2)], on: vm)
        #expect(now == [.table(try #require(outcome.vcpus[2].before))])
    }

    @Test func aTableThatNobodyExpectedEndsTheJobBeforeAnythingIsSet() async throws {
        let vm = try TestVM(vcpuCount: 2)
        let table = table(try HostCPU.probe())
        let first = TableApplication(tables: [table, table], featureMSRs: [:], over: .none)
        let applied = first.outcome(of: try await run(first.steps, on: vm))
        #expect(applied.refusal == nil && !applied.foundOldTable)
        let before = try await run([JobStep(.getCPUID(capacity: 256), vcpu: 0)], on: vm)

        let again = first.outcome(of: try await run(first.steps, on: vm))
        #expect(again.foundOldTable)
        #expect(first.restoration(of: again).isEmpty)
        #expect(try await run([JobStep(.getCPUID(capacity: 256), vcpu: 0)], on: vm) == before)
    }

    @Test func aRefusedTableIsNamedAndTheFirstOnesArePutBack() async throws {
        let vm = try TestVM(vcpuCount: 3)
        let good = table(try HostCPU.probe())
        var bad = good
        bad.update(0x8000_0008) { $0.eax = $0.eax & ~0xFF00 | 47 << 8 }
        let plan = TableApplication(tables: [good, bad, good], featureMSRs: [:])
        let outcome = plan.outcome(of: try await run(plan.steps, on: vm))
        #expect(outcome.refusal?.vcpu == 1)
        #expect(outcome.refusal?.ioctl == "KVM_SET_CPUID2")
        #expect(outcome.refusal?.errno == EINVAL)
        #expect(outcome.vcpus.map(\.wasSet) == [true, false, false])
        let undo = plan.restoration(of: outcome)
        #expect(plan.isRestored(outcome, by: undo, results: try await run(undo, on: vm)))
    }

    @Test func featureMSRsAreWrittenAndPutBack() async throws {
        let host = try HostCPU.probe()
        try #require(host.featureMSRs[0x10A] != nil)
        let vm = try TestVM(vcpuCount: 2)
        var table = table(host)
        table.update(7) { $0.edx |= 1 << 29 }
        let plan = TableApplication(tables: [table, table], featureMSRs: [0x10A: 1])
        let outcome = plan.outcome(of: try await run(plan.steps, on: vm))
        #expect(outcome.refusal == nil)
        let before = outcome.vcpus[1].msrsBefore
        for vcpu in outcome.vcpus {
            // A KVM that takes the feature out of the table does not take the MSR either, and that has to show.
            let isReadable =
                try #require(vcpu.after).table.value(7, 0, .edx) & 1 << 29 != 0 || !TestHost.looksUpFeatureMSRs()
            #expect(vcpu.msrsAfter == [0x10A: isReadable ? 1 : 0])
        }
        let undo = plan.restoration(of: outcome)
        #expect(plan.isRestored(outcome, by: undo, results: try await run(undo, on: vm)))
        // Readable again only under a table that has it.
        let again = plan.outcome(of: try await run(plan.steps, on: vm))
        #expect(again.vcpus[1].msrsBefore == before)
    }

    /// KVM_SET_MSRS stops at the first MSR it fails on; the one behind it has to be written all the same.
    @Test func anMSRThatKVMWillNotTakeIsNamedAndStopsNoOther() async throws {
        let vm = try TestVM(vcpuCount: 2)
        let table = table(try HostCPU.probe())
        let (unknown, microcode): (UInt32, UInt32) = (0x7F, 0x8B)
        let plan = TableApplication(tables: [table, table], featureMSRs: [unknown: 1, microcode: 0x1234 << 32])
        let outcome = plan.outcome(of: try await run(plan.steps, on: vm))
        #expect(outcome.refusal == nil)
        for vcpu in outcome.vcpus {
            #expect(vcpu.msrsRefused == [unknown])
            #expect(vcpu.msrsAfter == [microcode: 0x1234 << 32])
            #expect(vcpu.msrsBefore.keys.sorted() == [microcode])
        }
        let undo = plan.restoration(of: outcome)
        #expect(plan.isRestored(outcome, by: undo, results: try await run(undo, on: vm)))
        let now = try await run([JobStep(.getMSRs([microcode]), vcpu: 1)], on: vm)
        #expect(now == [.msrs(outcome.vcpus[1].msrsBefore)])
    }

    /// It has its value still, and KVM would refuse that too.
    @Test func anMSRThatCanOnlyBeReadIsNotWrittenBack() async throws {
        let vm = try TestVM(vcpuCount: 2)
        let table = table(try HostCPU.probe())
        let (mtrrCapabilities, microcode): (UInt32, UInt32) = (0xFE, 0x8B)
        let plan = TableApplication(
            tables: [table, table], featureMSRs: [mtrrCapabilities: 1, microcode: 0x1234 << 32])
        let outcome = plan.outcome(of: try await run(plan.steps, on: vm))
        for vcpu in outcome.vcpus {
            #expect(vcpu.msrsRefused == [mtrrCapabilities])
            #expect(vcpu.msrsBefore.keys.sorted() == [microcode, mtrrCapabilities])
            #expect(vcpu.msrsAfter == [microcode: 0x1234 << 32, mtrrCapabilities: vcpu.msrsBefore[mtrrCapabilities]])
        }
        let undo = plan.restoration(of: outcome)
        #expect(plan.isRestored(outcome, by: undo, results: try await run(undo, on: vm)))
    }

    @Test func aNewVCPUHasTheRegistersOfReset() async throws {
        let vm = try TestVM(vcpuCount: 2)
        let reading = RegisterReading(vcpuCount: 2)
        let both = try await run(reading.steps, on: vm)
        let vcpus = reading.registers(from: both)
        for vcpu in vcpus {
            let control = try #require(vcpu.control)
            #expect(control.cr4 & (1 << 18 | 1 << 22) == 0)
            #expect(control.apicBase & 1 << 11 != 0, "the local APIC is enabled")
            #expect(control.cr0 & 1 == 0, "real mode")
            #expect(vcpu.xcr0 == 1)
        }
        // Of the two ioctls the older tells the same.
        let older = RegisterReading(vcpuCount: 2, ioctl: .sregs)
        #expect(older.registers(from: try await run(older.steps, on: vm)) == vcpus)
    }

    @Test func anMSRThatAVCPUDoesNotHaveHidesNoOther() async throws {
        let vm = try TestVM(vcpuCount: 1)
        let reading = RegisterReading(vcpuCount: 1, msrs: [0xDEAD_BEEF, RegisterReading.miscEnable])
        let registers = reading.registers(from: try await run(reading.steps, on: vm))
        #expect(registers[0].msrs.keys.sorted() == [RegisterReading.miscEnable])
        #expect(registers[0].errno == nil)
    }
}
