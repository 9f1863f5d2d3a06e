// SPDX-License-Identifier: Apache-2.0

import Glibc
public import X86CPU

/// The job that gives the vCPUs of one VM their tables and feature MSRs, and reads back what they have then.
///
/// In order, each on every vCPU before the next begins: read the table it has; set the new one; read the feature MSRs,
/// which KVM answers only when the table has their feature, write them and read them back; read the table back. The
/// first failure ends it, and ``restoration(of:)`` undoes what was done. An MSR that KVM does not take is no failure of
/// the ioctl: the others are written all the same, and it is named in ``ApplicationOutcome/VCPU/msrsRefused``.
public struct TableApplication: Sendable {
    /// What is expected on the vCPUs, and so how much room there is to read it into.
    public enum OldTables: Sendable {
        /// None: they are new. Where one has a table all the same the job ends there, and nothing is changed:
        /// ``ApplicationOutcome/foundOldTable``.
        case none
        /// Tables of any size.
        case any
    }

    /// The steps.
    public let steps: [JobStep]
    private let vcpuCount: Int

    /// Room for more than KVM has been seen to add. Where it is not enough, ``ApplicationOutcome/lacksRoom``.
    private static let spareEntries = 8

    /// A job for these tables, one a vCPU, and these MSRs for all of them.
    public init(tables: [CPUIDTable], featureMSRs: [UInt32: UInt64], over oldTables: OldTables = .any) {
        vcpuCount = tables.count
        let readBackCapacity = min(
            CPUIDTable.maximumCount, tables.reduce(0) { max($0, $1.entries.count) } + Self.spareEntries)
        let oldCapacity = oldTables == .none ? 0 : CPUIDTable.maximumCount
        let vcpus = tables.indices
        var steps: [JobStep] = []
        steps.reserveCapacity(vcpus.count * (3 + 3 * featureMSRs.count))
        steps += vcpus.map { JobStep(.getCPUID(capacity: oldCapacity), vcpu: $0, stopsOnError: true) }
        steps += vcpus.map { JobStep(.setCPUID(tables[$0]), vcpu: $0, stopsOnError: true) }
        // KVM_GET_MSRS and KVM_SET_MSRS end at the first MSR they fail on, and leave those behind it: one MSR a step.
        let values = featureMSRs.sorted { $0.key < $1.key }
        for vcpu in vcpus {
            steps += values.map { JobStep(.getMSRs([$0.key]), vcpu: vcpu, stopsOnError: true) }
            steps += values.map { JobStep(.setMSRs([$0.key: $0.value]), vcpu: vcpu, stopsOnError: true) }
            steps += values.map { JobStep(.getMSRs([$0.key]), vcpu: vcpu, stopsOnError: true) }
        }
        steps += vcpus.map { JobStep(.getCPUID(capacity: readBackCapacity), vcpu: $0, stopsOnError: true) }
        self.steps = steps
    }

    /// What the job did.
    public func outcome(of results: [JobResult]) -> ApplicationOutcome {
        var outcome = ApplicationOutcome(vcpuCount: vcpuCount)
        for (step, result) in zip(steps, results) {
            outcome.take(result, of: step)
        }
        return outcome
    }

    /// The steps that read back what the job had no room for.
    public var readBackSteps: [JobStep] {
        (0..<vcpuCount).map { JobStep(.getCPUID(capacity: CPUIDTable.maximumCount), vcpu: $0, stopsOnError: true) }
    }

    /// What the job and those steps did together.
    public func outcome(_ outcome: ApplicationOutcome, readBackBy results: [JobResult]) -> ApplicationOutcome {
        var outcome = outcome
        outcome.refusal = nil
        for (step, result) in zip(readBackSteps, results) {
            outcome.take(result, of: step)
        }
        return outcome
    }

    /// The steps that put everything back as it was, as far as the job got.
    ///
    /// MSRs first: the new table is still in force then, and with it KVM's leave to write them.
    public func restoration(of outcome: ApplicationOutcome) -> [JobStep] {
        var steps: [JobStep] = []
        for (number, vcpu) in outcome.vcpus.enumerated() {
            // One that was refused has its value still, and KVM would refuse that too: it takes none of some states.
            let written = vcpu.msrsBefore.filter { !vcpu.msrsRefused.contains($0.key) }
            for (index, value) in written.sorted(by: { $0.key < $1.key }) {
                steps.append(JobStep(.setMSRs([index: value]), vcpu: number))
            }
        }
        for (number, vcpu) in outcome.vcpus.enumerated() where vcpu.wasSet {
            guard let before = vcpu.before else { continue }
            steps.append(JobStep(.restoreCPUID(before), vcpu: number))
            steps.append(JobStep(.getCPUID(capacity: CPUIDTable.maximumCount), vcpu: number))
        }
        return steps
    }

    /// Whether every vCPU has the table it had before, by what the restoration read back.
    public func isRestored(_ outcome: ApplicationOutcome, by steps: [JobStep], results: [JobResult]) -> Bool {
        guard results.count == steps.count else { return false }
        return zip(steps, results).allSatisfy { step, result in
            switch (step.operation, result) {
            case (.restoreCPUID, .done): true
            case (.getCPUID, .table(let table)): outcome.vcpus[step.vcpu].before?.table == table.table
            case (.setMSRs(let values), .msrsWritten(let count)): count == values.count
            default: false
            }
        }
    }
}

/// What became of the vCPUs of a VM.
public struct ApplicationOutcome: Sendable {
    /// One vCPU.
    public struct VCPU: Sendable {
        /// The table it had before.
        public internal(set) var before: StoredTable?
        /// Whether KVM accepted the new table.
        public internal(set) var wasSet = false
        /// The table it has now.
        public internal(set) var after: StoredTable?
        /// Feature MSRs before they were written, as far as they can be read and it came to that.
        public internal(set) var msrsBefore: [UInt32: UInt64] = [:]
        /// Feature MSRs now, as far as they can be read.
        public internal(set) var msrsAfter: [UInt32: UInt64] = [:]
        /// Feature MSRs whose values KVM did not take, in the order in which they were tried.
        public internal(set) var msrsRefused: [UInt32] = []
        /// Feature MSRs for which it came to the writing.
        var msrsTried: Set<UInt32> = []
    }

    /// A step that KVM refused.
    public struct Refusal: Sendable, Hashable {
        /// The vCPU, by its index.
        public let vcpu: Int
        /// The ioctl's name.
        public let ioctl: String
        /// The errno.
        public let errno: CInt

        /// A refusal from its parts.
        public init(vcpu: Int, ioctl: String, errno: CInt) {
            self.vcpu = vcpu
            self.ioctl = ioctl
            self.errno = errno
        }
    }

    /// The vCPUs in order.
    public internal(set) var vcpus: [VCPU]
    /// The first step that KVM refused.
    public internal(set) var refusal: Refusal?
    /// Whether all that is missing is what KVM holds now: it has added more entries than the job had room for.
    public var lacksRoom: Bool {
        refusal?.errno == E2BIG && vcpus.allSatisfy { $0.wasSet } && vcpus.contains { $0.after == nil }
    }

    /// Whether a vCPU has a table for which the job had no room. KVM says E2BIG then, and nothing was set before that.
    public var foundOldTable: Bool {
        refusal?.errno == E2BIG && !vcpus.contains { $0.wasSet }
    }

    init(vcpuCount: Int) { vcpus = Array(repeating: VCPU(), count: vcpuCount) }

    mutating func take(_ result: JobResult, of step: JobStep) {
        let vcpu = step.vcpu
        switch (step.operation, result) {
        case (_, .failed(let errno)):
            if refusal == nil { refusal = Refusal(vcpu: vcpu, ioctl: step.ioctlName, errno: errno) }
        case (.getCPUID, .table(let table)):
            if vcpus[vcpu].wasSet { vcpus[vcpu].after = table } else { vcpus[vcpu].before = table }
        case (.setCPUID, .done):
            vcpus[vcpu].wasSet = true
        case (.getMSRs, .msrs(let values)):
            for (index, value) in values {
                if vcpus[vcpu].msrsTried.contains(index) {
                    vcpus[vcpu].msrsAfter[index] = value
                } else {
                    vcpus[vcpu].msrsBefore[index] = value
                }
            }
        case (.setMSRs(let values), .msrsWritten(let count)):
            vcpus[vcpu].msrsTried.formUnion(values.keys)
            vcpus[vcpu].msrsRefused += values.keys.sorted().dropFirst(count)
        default:
            break
        }
    }
}
