// SPDX-License-Identifier: Apache-2.0

import CLinux
import Descriptors
import Glibc
import KVM
import Testing
import X86CPU

/// A job file seen from the other side: as an executor in another process sees it, by the numbers of the article JobFormat.
@safe private final class OtherSide {
    private let mapping: UnsafeMutableRawBufferPointer

    init(_ job: borrowing JobFile) throws {
        let address = unsafe mmap(
            nil, job.size, PROT_READ | PROT_WRITE, MAP_SHARED, job.descriptor.number, 0)
        try #require(unsafe address != MAP_FAILED)
        unsafe mapping = UnsafeMutableRawBufferPointer(start: address, count: job.size)
    }

    deinit { unsafe munmap(mapping.baseAddress, mapping.count) }

    func u32(_ offset: Int) -> UInt32 { unsafe mapping.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    func u64(_ offset: Int) -> UInt64 { unsafe mapping.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    func store(_ value: some BitwiseCopyable, at offset: Int) {
        unsafe mapping.storeBytes(of: value, toByteOffset: offset, as: type(of: value))
    }

    func step(_ number: Int) -> Int { 64 + 48 * number }
    func argument(_ number: Int) -> Int { Int(u64(step(number) + 16)) }

    /// Leaves the file as a run of all its steps with these results would.
    func finish(_ results: [Int32]) {
        for (number, result) in results.enumerated() { store(result, at: step(number) + 12) }
        store(UInt32(results.count), at: 48)
    }

    var text: String {
        String(decoding: (0..<8).map { unsafe mapping[$0] }, as: UTF8.self)
    }
}

struct JobFileTests {
    private static let table = CPUIDTable([
        CPUIDEntry(0, eax: 0xD, ebx: 1, ecx: 2, edx: 3), CPUIDEntry(7, .exact(0), ebx: 0xFFFF_FFFF),
    ])

    @Test func theLayoutIsTheDocumentedOne() throws {
        let job = try JobFile(
            [
                JobStep(.getCPUID(capacity: 256), vcpu: 0, stopsOnError: true), JobStep(.setCPUID(Self.table), vcpu: 1),
                JobStep(.setMSRs([0x10A: 5]), vcpu: 1), JobStep(.getMSRs([0x10A]), vcpu: 0),
            ], vcpuCount: 2)
        let file = try OtherSide(job)
        #expect(file.text == "CPUMJOB1")
        let header = [8, 12, 16, 20, 24, 28].map(file.u32)
        #expect(header == [1, 64, 4, 48, 2, 0])
        #expect(file.u64(32) == UInt64(job.size))
        #expect(job.size % 4096 == 0)
        #expect(file.u64(40) == 64 + 4 * 48)
        func field(_ offset: Int) -> [UInt32] { (0..<4).map { file.u32(file.step($0) + offset) } }
        #expect(field(0) == [0xC008_AE91, 0x4008_AE90, 0x4008_AE89, 0xC008_AE88])
        #expect(field(4) == [0, 1, 1, 0])
        #expect(field(8) == [1, 0, 0, 0])
        #expect(field(12) == [UInt32](repeating: 0x8000_0000, count: 4))
        #expect(field(24) == [10248, 88, 24, 24])

        let set = file.argument(1)
        #expect(file.u32(set) == 2)
        let first = (0..<7).map { file.u32(set + 8 + 4 * $0) }
        #expect(first == [0, 0, 0, 0xD, 1, 2, 3])
        let second = (0..<4).map { file.u32(set + 48 + 4 * $0) }
        #expect(second == [7, 0, 1, 0])
        let msrs = file.argument(2)
        #expect(file.u32(msrs) == 1)
        #expect(file.u32(msrs + 8) == 0x10A)
        #expect(file.u64(msrs + 16) == 5)
    }

    @Test func registersAreReadWhereKVMWritesThem() throws {
        let job = try JobFile(
            [
                JobStep(.getControlRegisters(.sregs2), vcpu: 0), JobStep(.getControlRegisters(.sregs), vcpu: 0),
                JobStep(.getXCRs, vcpu: 0),
            ], vcpuCount: 1)
        let file = try OtherSide(job)
        #expect((0..<3).map { file.u32(file.step($0)) } == [0x8140_AECC, 0x8138_AE83, 0x8188_AEA6])
        #expect((0..<3).map { file.u64(file.step($0) + 24) } == [320, 312, 392])
        for step in 0..<2 {
            for (number, offset) in [224, 248, 256, 264, 272].enumerated() {
                file.store(UInt64(100 * step + number), at: file.argument(step) + offset)
            }
        }
        file.store(UInt32(1), at: file.argument(2))
        file.store(UInt64(7), at: file.argument(2) + 16)
        file.finish([0, 0, 0])
        let newer = ControlRegisters(cr0: 0, cr4: 1, cr8: 2, efer: 3, apicBase: 4)
        let older = ControlRegisters(cr0: 100, cr4: 101, cr8: 102, efer: 103, apicBase: 104)
        #expect(try job.results() == [.controlRegisters(newer), .controlRegisters(older), .xcr0(7)])
    }

    @Test func hostWithoutXSAVEHasNoXCR0() throws {
        let reading = RegisterReading(vcpuCount: 1, msrs: [])
        let job = try JobFile(reading.steps, vcpuCount: 1)
        let file = try OtherSide(job)
        file.finish([0, 0])
        let registers = try #require(reading.registers(from: job.results()).first)
        #expect((registers.control != nil, registers.xcr0, registers.errno) == (true, nil, nil))
    }

    @Test func theFileIsSealed() throws {
        let job = try JobFile([JobStep(.getMSRs([1]), vcpu: 0)], vcpuCount: 1)
        #expect(ftruncate(job.descriptor.number, 0) == -1)
        #expect(errno == EPERM)
        #expect(ftruncate(job.descriptor.number, 1 << 20) == -1)
        #expect(clinux_memfd_add_seals(job.descriptor.number, UInt32(CLINUX_SEAL_WRITE)) == -EPERM)
    }

    @Test func tablesOfAllVCPUsMeanWhatEachMeans() throws {
        let job = try JobFile((0..<7).map { JobStep(.getCPUID(capacity: 4), vcpu: $0) }, vcpuCount: 7)
        let file = try OtherSide(job)
        for vcpu in 0..<7 {
            let argument = file.argument(vcpu)
            file.store(UInt32(2), at: argument)
            // Leaf 1, and leaf 0xB with its flag.
            for (offset, word) in [(8, 1), (20, 0x16), (48, 0xB), (56, 1), (72, 5)] {
                file.store(UInt32(word), at: argument + offset)
            }
        }
        file.store(UInt32(6), at: file.argument(1) + 72)  // another EDX
        file.store(UInt32(9), at: file.argument(2) + 76)  // another padding
        file.store(UInt32(0), at: file.argument(3) + 56)  // no flag
        file.store(UInt32(3), at: file.argument(4) + 52)  // another subleaf
        file.store(UInt32(1), at: file.argument(5))  // one entry fewer
        file.store(UInt32(5), at: file.argument(6) + 56)  // another, unknown flag
        file.finish([0, 0, 0, 0, 0, 0, 0])
        let stored = try job.results().compactMap { result in
            if case .table(let table) = result { table } else { nil }
        }
        try #require(stored.count == 7)
        #expect(VCPUTables(stored) == VCPUTables(stored.map(\.table)))
        #expect(
            VCPUTables(stored).others.prefix(2) == [
                .changed([.init(entry: 1, register: .edx, value: 6)]), .changed([]),
            ])
        #expect(VCPUTables([StoredTable]()) == VCPUTables([CPUIDTable]()))
    }

    @Test func aTableComesBackByteForByte() throws {
        let job = try JobFile([JobStep(.getCPUID(capacity: 8), vcpu: 0)], vcpuCount: 1)
        let file = try OtherSide(job)
        let argument = file.argument(0)
        file.store(UInt32(2), at: argument)
        for (offset, word) in [(8, 0), (20, 0x16), (48, 4), (52, 3), (56, 5), (60, 0x121), (76, 0xDEAD)] {
            file.store(UInt32(word), at: argument + offset)
        }
        file.finish([0])
        guard case .table(let stored)? = try job.results().first else {
            Issue.record("no table")
            return
        }
        #expect(stored.count == 2)
        #expect(stored.table.entries[0] == CPUIDEntry(0, eax: 0x16))
        // The unknown flag and the padding are not part of the meaning, but of the bytes.
        #expect(stored.table.entries[1] == CPUIDEntry(4, .exact(3), eax: 0x121))

        let restore = try JobFile([JobStep(.restoreCPUID(stored), vcpu: 0)], vcpuCount: 1)
        let other = try OtherSide(restore)
        #expect(other.u32(other.argument(0)) == 2)
        #expect(other.u32(other.argument(0) + 56) == 5)
        #expect(other.u32(other.argument(0) + 76) == 0xDEAD)
    }

    /// Before Linux 6.12 KVM_GET_CPUID2 leaves the count as it was given.
    @Test func anUntouchedCountIsFoundByTheZerosBehind() throws {
        let job = try JobFile([JobStep(.getCPUID(capacity: 8), vcpu: 0)], vcpuCount: 1)
        let file = try OtherSide(job)
        file.store(UInt32(0x16), at: file.argument(0) + 20)
        file.store(UInt32(1), at: file.argument(0) + 48)
        file.finish([0])
        guard case .table(let stored)? = try job.results().first else {
            Issue.record("no table")
            return
        }
        #expect(stored.count == 2)
    }

    @Test func whatNoRunCanLeaveBehindIsAFault() throws {
        func fault(_ steps: [JobStep], _ spoil: (OtherSide) -> Void) throws -> JobFault? {
            let job = try JobFile(steps, vcpuCount: 1)
            let file = try OtherSide(job)
            spoil(file)
            do {
                _ = try job.results()
                return nil
            } catch {
                return error
            }
        }
        let get = JobStep(.getCPUID(capacity: 4), vcpu: 0)
        #expect(try fault([get]) { _ in } == .executedCount(0, steps: 1))
        #expect(try fault([get]) { $0.store(UInt32(2), at: 48) } == .executedCount(2, steps: 1))
        #expect(try fault([get]) { $0.store(UInt32.max, at: 48) } == .executedCount(Int(UInt32.max), steps: 1))
        #expect(try fault([get]) { $0.finish([.min]) } == .result(.min, step: 0))
        #expect(try fault([get]) { $0.finish([-5000]) } == .result(-5000, step: 0))
        #expect(
            try fault([get]) {
                $0.store(UInt32(5), at: $0.argument(0))
                $0.finish([0])
            } == .entryCount(5, capacity: 4, step: 0))
        #expect(try fault([JobStep(.getMSRs([1, 2]), vcpu: 0)]) { $0.finish([3]) } == .result(3, step: 0))
        #expect(try fault([JobStep(.setMSRs([1: 2]), vcpu: 0)]) { $0.finish([2]) } == .result(2, step: 0))
        let xcrs = JobStep(.getXCRs, vcpu: 0)
        #expect(
            try fault([xcrs]) {
                $0.store(UInt32(1), at: $0.argument(0))
                $0.store(UInt32(1), at: $0.argument(0) + 8)
                $0.finish([0])
            } == .xcr0Missing(step: 0))
        #expect(
            try fault([JobStep(.getControlRegisters(.sregs2), vcpu: 0)]) { $0.finish([1]) } == .result(1, step: 0))
        // A job may end early only behind a step that failed and says so.
        #expect(try fault([get, get]) { $0.finish([0]) } == .executedCount(1, steps: 2))
        #expect(try fault([get, get]) { $0.finish([-5]) } == .executedCount(1, steps: 2))
        let stopping = JobStep(.getCPUID(capacity: 4), vcpu: 0, stopsOnError: true)
        #expect(try fault([stopping, get]) { $0.finish([-5]) } == nil)
    }

    @Test func anythingWrittenIntoTheFileIsReadOrRefused() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let steps = [
                JobStep(.getCPUID(capacity: 3), vcpu: 0, stopsOnError: true), JobStep(.setCPUID(Self.table), vcpu: 0),
                JobStep(.getMSRs([1, 2]), vcpu: 0),
            ]
            let job = try JobFile(steps, vcpuCount: 1)
            let file = try OtherSide(job)
            for _ in 0..<20 {
                file.store(
                    UInt8.random(in: 0...255, using: &generator),
                    at: Int.random(in: 0..<job.size, using: &generator))
            }
            file.store(UInt32.random(in: 0...4, using: &generator), at: 48)
            if let results = try? job.results() { #expect(results.count <= steps.count) }
        }
    }
}
