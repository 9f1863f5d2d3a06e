// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Glibc
import X86CPU

@testable import KVM

/// Has a job come back from an executor that wrote into it whatever it liked. What the daemon then believes must be what
/// KVM can have answered.
///
/// The first byte chooses the job. The rest are edits: a place of two bytes, a count, and so many bytes.
func checkJob(_ bytes: [UInt8]) {
    guard let choice = bytes.first, let job = try? JobFile(steps(choice), vcpuCount: 2) else { return }
    let file = job.descriptor.number
    finish(job, in: file)
    edit(file, of: job.size, bytes.dropFirst())
    do throws(JobFault) {
        let results = try job.results()
        precondition(results.count <= job.steps.count)
        for (step, result) in zip(job.steps, results) {
            precondition(isPossible(result, of: step.operation), "a result that its ioctl cannot have")
        }
        use(results, choice)
        precondition((try? job.results()) == results, "the same file reads differently")
    } catch {
        precondition(!error.description.isEmpty && !error.description.contains("\n"), "a message must stay on its line")
    }
}

private let tables = [
    CPUIDTable([CPUIDEntry(0, eax: 0xD, ebx: 1, ecx: 2, edx: 3), CPUIDEntry(7, .exact(0), ebx: 0x21BC_07A9)]),
    CPUIDTable([CPUIDEntry(0, eax: 0xD), CPUIDEntry(1, ebx: 0x0102_0800)]),
]
private let applications = [
    TableApplication(tables: tables, featureMSRs: [0x10A: 0x0C04, 0x48: 1]),
    TableApplication(tables: tables, featureMSRs: [0x10A: 0x0C04], over: .none),
]
private let readings = [
    RegisterReading(vcpuCount: 2), RegisterReading(vcpuCount: 1, ioctl: .sregs, msrs: [RegisterReading.xss, 0x10A]),
]
private let small = [
    JobStep(.getCPUID(capacity: 3), vcpu: 1), JobStep(.getMSRs([1, 2, 3]), vcpu: 0, stopsOnError: true),
    JobStep(.setMSRs([0x10A: 5, 0x48: 6]), vcpu: 1),
]

private func steps(_ choice: UInt8) -> [JobStep] {
    switch choice % 5 {
    case 0: applications[0].steps
    case 4: applications[1].steps
    case 1: readings[0].steps
    case 2: readings[1].steps
    default: small
    }
}

/// Leaves the file as a run without failures would: JobFormat, "Header" and "Step".
private func finish(_ job: JobFile, in file: CInt) {
    for (number, step) in job.steps.enumerated() {
        var result: Int32 =
            switch step.operation {
            case .getMSRs(let indices): Int32(indices.count)
            case .setMSRs(let values): Int32(values.count)
            default: 0
            }
        precondition(unsafe pwrite(file, &result, 4, 64 + number * 48 + 12) == 4)
    }
    var executed = UInt32(job.steps.count)
    precondition(unsafe pwrite(file, &executed, 4, 48) == 4)
}

private func edit(_ file: CInt, of size: Int, _ edits: ArraySlice<UInt8>) {
    var rest = edits
    while rest.count > 3 {
        let head = Array(rest.prefix(3))
        rest = rest.dropFirst(3)
        let bytes = Array(rest.prefix(Int(head[2] % 64) + 1))
        rest = rest.dropFirst(bytes.count)
        let place = (Int(head[0]) | Int(head[1]) << 8) % size
        let count = min(bytes.count, size - place)
        precondition(unsafe pwrite(file, bytes, count, place) == count)
    }
}

private func isPossible(_ result: JobResult, of operation: JobStep.Operation) -> Bool {
    switch (operation, result) {
    case (_, .failed(let errno)): (1...4095).contains(errno)
    case (.getCPUID(let capacity), .table(let table)): table.count <= capacity && table.table.entries.count <= capacity
    case (.setCPUID, .done), (.restoreCPUID, .done), (.getXCRs, .done): true
    case (.getXCRs, .xcr0), (.getControlRegisters, .controlRegisters): true
    case (.getMSRs(let indices), .msrs(let values)): values.keys.allSatisfy(indices.contains)
    case (.setMSRs(let values), .msrsWritten(let count)): (0...values.count).contains(count)
    default: false
    }
}

/// What the daemon does with results next.
private func use(_ results: [JobResult], _ choice: UInt8) {
    switch choice % 5 {
    case 0, 4:
        let application = applications[Int(choice % 5) / 4]
        let outcome = application.outcome(of: results)
        let undo = application.restoration(of: outcome)
        precondition(undo.isEmpty || (try? JobFile(undo, vcpuCount: 2)) != nil, "what was done cannot be undone")
        precondition(!application.isRestored(outcome, by: undo, results: results) || undo.count == results.count)
    case 1: precondition(readings[0].registers(from: results).count == 2)
    case 2: precondition(readings[1].registers(from: results).count == 1)
    default: break
    }
}
