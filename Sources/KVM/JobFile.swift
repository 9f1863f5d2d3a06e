// SPDX-License-Identifier: Apache-2.0

import CKVM
import CLinux
public import Descriptors
import Glibc
import X86CPU

/// A job as a sealed memfd, laid out as the article JobFormat says, and its results when an executor is done with it.
///
/// The file is shared with a process that nobody here trusts. It cannot be resized under the mapping, and every number
/// read from it is read once, into a local, and checked before it is used.
@safe public final class JobFile {
    /// The version of the format that this code writes.
    public static let version = 1

    /// The steps.
    public let steps: [JobStep]
    /// Bytes of the file.
    public let size: Int
    /// The memfd. It stays open as long as somebody refers to it.
    public let descriptor: SharedDescriptor

    private let vcpuCount: Int
    private let argumentOffsets: [Int]
    private let mapping: UnsafeMutableRawBufferPointer

    private enum Layout {
        static let magic = Array("CPUMJOB1".utf8)
        static let headerSize = 64
        static let stepSize = 48
        static let executed = 48
        static let notExecuted = Int32.min
        static let stopOnError: UInt32 = 1
        static let page = 4096
        static let quicklyFreed = 1 << 20
    }

    /// Writes a job for that many vCPUs.
    public init(_ steps: [JobStep], vcpuCount: Int) throws(SystemError) {
        self.steps = steps
        self.vcpuCount = vcpuCount
        var end = Layout.headerSize + steps.count * Layout.stepSize
        argumentOffsets = steps.map { step in
            defer { end += (step.argumentSize + 7) & ~7 }
            return end
        }
        size = (end + Layout.page - 1) & ~(Layout.page - 1)

        let memory = unsafe try SystemError.check(clinux_memfd_create("cpumodel-job", UInt64(size)), "memfd_create")
        let seals = UInt32(CLINUX_SEAL_SHRINK | CLINUX_SEAL_GROW | CLINUX_SEAL_SEAL)
        let address = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0)
        let mapError = Glibc.errno
        let sealResult = clinux_memfd_add_seals(memory, seals)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            close(memory)
            throw SystemError(errno: mapError, operation: "mmap of a job")
        }
        unsafe mapping = UnsafeMutableRawBufferPointer(start: address, count: size)
        // To wake a thread costs more than to free a few pages.
        let cost: ClosingCost = size <= Layout.quicklyFreed ? .none : .finite
        descriptor = SharedDescriptor(owning: memory, closingCost: cost)
        try SystemError.check(sealResult, "sealing a job")
        write()
    }

    deinit {
        unsafe munmap(mapping.baseAddress, mapping.count)
    }

    /// How many steps the executor says it has executed: a number that nobody has checked.
    public var executedCount: Int { Int(load(UInt32.self, at: Layout.executed)) }

    /// What each step returned.
    public func results() throws(JobFault) -> [JobResult] {
        let executed = executedCount
        guard executed <= steps.count else { throw .executedCount(executed, steps: steps.count) }
        var results: [JobResult] = []
        results.reserveCapacity(executed)
        for number in 0..<executed {
            let code = load(Int32.self, at: Layout.headerSize + number * Layout.stepSize + 12)
            guard code != Layout.notExecuted, code > -4096 else { throw .result(code, step: number) }
            results.append(try result(of: number, code: code))
        }
        let stoppedEarly = results.last.map { $0.isFailure && steps[executed - 1].stopsOnError } ?? false
        guard executed == steps.count || stoppedEarly else { throw .executedCount(executed, steps: steps.count) }
        return results
    }

    /// Runs the job right here, for a caller that is itself the owner of the vCPUs.
    @unsafe func executeInPlace(on vcpus: [CInt], step run: (CInt, UInt32, UnsafeMutableRawPointer) -> CInt) {
        for (number, step) in steps.enumerated() {
            guard let base = unsafe mapping.baseAddress else { return }
            let code = unsafe run(vcpus[step.vcpu], step.request, base + argumentOffsets[number])
            store(code, at: Layout.headerSize + number * Layout.stepSize + 12)
            store(UInt32(number + 1), at: Layout.executed)
            if code < 0, step.stopsOnError { return }
        }
    }

    private func result(of number: Int, code: Int32) throws(JobFault) -> JobResult {
        if code < 0 { return .failed(errno: -code) }
        let offset = argumentOffsets[number]
        switch steps[number].operation {
        case .setCPUID, .restoreCPUID:
            guard code == 0 else { throw .result(code, step: number) }
            return .done
        case .getCPUID(let capacity):
            guard code == 0 else { throw .result(code, step: number) }
            return .table(try storedTable(at: offset, capacity: capacity, step: number))
        case .setMSRs(let values):
            guard Int(code) <= values.count else { throw .result(code, step: number) }
            return .msrsWritten(Int(code))
        case .getMSRs(let indices):
            guard Int(code) <= indices.count else { throw .result(code, step: number) }
            var values: [UInt32: UInt64] = [:]
            for (position, index) in indices.prefix(Int(code)).enumerated() {
                values[index] = load(UInt64.self, at: offset + 8 + position * 16 + 8)
            }
            return .msrs(values)
        case .getControlRegisters:
            guard code == 0 else { throw .result(code, step: number) }
            return .controlRegisters(controlRegisters(at: offset))
        case .getXCRs:
            guard code == 0 else { throw .result(code, step: number) }
            return try xcr0(at: offset, step: number).map(JobResult.xcr0) ?? .done
        }
    }

    private func controlRegisters(at offset: Int) -> ControlRegisters {
        func register(_ position: UInt32) -> UInt64 { load(UInt64.self, at: offset + Int(position)) }
        return ControlRegisters(
            cr0: register(CKVM_SREGS_CR0), cr4: register(CKVM_SREGS_CR4), cr8: register(CKVM_SREGS_CR8),
            efer: register(CKVM_SREGS_EFER), apicBase: register(CKVM_SREGS_APIC_BASE))
    }

    /// KVM has one extended control register, and on a host without XSAVE none.
    private func xcr0(at offset: Int, step: Int) throws(JobFault) -> UInt64? {
        let count = load(UInt32.self, at: offset)
        guard count > 0 else { return nil }
        let index = load(UInt32.self, at: offset + Int(CKVM_XCRS_FIRST))
        guard index == 0 else { throw .xcr0Missing(step: step) }
        return load(UInt64.self, at: offset + Int(CKVM_XCRS_FIRST_VALUE))
    }

    private func storedTable(at offset: Int, capacity: Int, step: Int) throws(JobFault) -> StoredTable {
        let count = Int(load(UInt32.self, at: offset))
        guard count <= capacity else { throw .entryCount(count, capacity: capacity, step: step) }
        var bytes = unsafe [UInt8](mapping[offset + 8..<offset + 8 + count * StoredTable.entrySize])
        // Before Linux 6.12 KVM leaves the count as it was given. It was zeros behind the last entry then, and an entry
        // of zeros at the end says nothing that a guest could see: leaf 0 exists in every table.
        if count == capacity {
            while bytes.count >= StoredTable.entrySize, bytes.suffix(StoredTable.entrySize).allSatisfy({ $0 == 0 }) {
                bytes.removeLast(StoredTable.entrySize)
            }
        }
        return StoredTable(bytes: bytes)
    }

    private func write() {
        unsafe mapping.copyBytes(from: Layout.magic)
        store(UInt32(Self.version), at: 8)
        store(UInt32(Layout.headerSize), at: 12)
        store(UInt32(steps.count), at: 16)
        store(UInt32(Layout.stepSize), at: 20)
        store(UInt32(vcpuCount), at: 24)
        store(UInt64(size), at: 32)
        store(UInt64(argumentOffsets.first ?? size), at: 40)
        for (number, step) in steps.enumerated() {
            let record = Layout.headerSize + number * Layout.stepSize
            store(step.request, at: record)
            store(UInt32(step.vcpu), at: record + 4)
            store(step.stopsOnError ? Layout.stopOnError : 0, at: record + 8)
            store(Layout.notExecuted, at: record + 12)
            store(UInt64(argumentOffsets[number]), at: record + 16)
            store(UInt64(step.argumentSize), at: record + 24)
            writeArgument(of: step, at: argumentOffsets[number])
        }
    }

    private func writeArgument(of step: JobStep, at offset: Int) {
        store(UInt32(step.recordCount), at: offset)
        let records = offset + 8
        switch step.operation {
        case .getCPUID:
            break
        case .setCPUID(let table):
            for (number, entry) in table.entries.enumerated() {
                store(StoredTable.words(of: entry), at: records + number * StoredTable.entrySize)
            }
        case .restoreCPUID(let table):
            unsafe UnsafeMutableRawBufferPointer(rebasing: mapping[records...]).copyBytes(from: table.bytes)
        case .getMSRs(let indices):
            for (number, index) in indices.enumerated() { store(index, at: records + number * 16) }
        case .setMSRs(let values):
            for (number, index) in values.keys.sorted().enumerated() {
                store(index, at: records + number * 16)
                store(values[index, default: 0], at: records + number * 16 + 8)
            }
        case .getControlRegisters, .getXCRs:
            break
        }
    }

    private func load<T: BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        unsafe mapping.loadUnaligned(fromByteOffset: offset, as: type)
    }

    private func store(_ value: some BitwiseCopyable, at offset: Int) {
        unsafe mapping.storeBytes(of: value, toByteOffset: offset, as: type(of: value))
    }
}
