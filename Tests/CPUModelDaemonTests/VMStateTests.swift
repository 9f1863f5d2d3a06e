// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import GuestCPU
import JSON
import Testing
import X86CPU

@testable import CPUModelDaemon

struct VMStateTests {
    /// Whatever a record holds, a daemon that is restarted has the same.
    @Test func recordsComeBackAsTheyWere() throws {
        var random = Numbers(state: 20_261_126)
        for number in 0..<40 {
            let record = try random.record()
            let bytes = VMStateDocument(record, bootID: "boot-\(number)").jsonBytes()
            let back = try VMStateDocument(parsing: bytes)
            #expect(back.bootID == "boot-\(number)")
            try Self.expectEqual(back.record, record)
            #expect(VMStateDocument(back.record, bootID: back.bootID).jsonBytes() == bytes)
        }
    }

    /// Who adds to a record must have it kept, and compared above.
    @Test func everyMemberOfARecordIsKept() throws {
        var random = Numbers(state: 1)
        let members = Mirror(reflecting: try random.record()).children.compactMap(\.label)
        #expect(
            members == [
                "name", "uuid", "model", "expression", "topology", "options", "overlay", "report", "tables",
                "featureMSRs", "dropped",
                "executor",
                "owner", "appliedAt", "requestID",
            ])
    }

    @Test func aRecordOfManyVCPUsComesBack() throws {
        var random = Numbers(state: 7)
        let record = try random.record(vcpus: 100)
        let bytes = VMStateDocument(record, bootID: "x").jsonBytes()
        #expect(bytes.count < VMStateDocument.maximumSize / 20)
        try Self.expectEqual(try VMStateDocument(parsing: bytes).record, record)
    }

    /// A file that a daemon of format 1 wrote. It stays as it is for ever; what is added to a record since must have a
    /// value that is right for it.
    @Test func formatOneIsRead() throws {
        let document = try VMStateDocument(parsing: TestFile.contents("vm-format-1.json"))
        let record = document.record
        #expect(document.bootID == "2cbd1f5a-6f0e-4f59-9d6b-3c1a5e7b9d20")
        #expect(record.name == "web-1")
        #expect(record.uuid == "0f3c6a52-9d1e-4b7a-8c24-5e6f70819203")
        #expect((record.model, record.expression) == ("EPYC-Milan-v2", "EPYC-Milan-v2,-svm"))
        #expect(record.topology == (try Topology(sockets: 1, cores: 2)))
        #expect(record.options == GuestCPU.Options())
        #expect(record.overlay == nil)
        #expect((record.executor, record.requestID, record.appliedAt) == ("owner", "9f3a21c4-1", 1_795_700_000))
        #expect((record.pid, record.uid, record.owner.startTime) == (4242, 107, 0x1_2345))
        #expect(record.owner.unit == "vmm@web-1.service")
        #expect(record.tables.count == 2)
        #expect(record.tables[0][1, 0]?.ebx == 0x0002_0800)
        #expect(record.tables[1][1, 0]?.ebx == 0x0102_0800)
        #expect(record.featureMSRs == [0x10A: 0x400_0C04])
        #expect(record.report.verdict == .altered)
        #expect(record.report.stamp?.description == "1-9f86d081884c7d659a2feaa0")
        #expect(record.report.vcpus.map(\.differenceSet) == [0, 0])
        #expect(record.report.differenceSets.map(\.count) == [4])
        #expect(record.dropped.map(\.reason) == [.hiddenByKVM, .beyondLevel(0x23), .olderVersion(host: 1, model: 2)])
    }

    @Test func whatIsNoStateIsRefusedAndSaidSo() throws {
        let whole = try TestFile.contents("vm-format-1.json")
        func refusal(_ bytes: [UInt8]) -> KeptFile.Fault? {
            do throws(KeptFile.Fault) {
                _ = try VMStateDocument(parsing: bytes)
                return nil
            } catch { return error }
        }
        for length in stride(from: 0, to: whole.count - 2, by: 7) {
            guard case .damaged? = refusal(Array(whole.prefix(length))) else {
                Issue.record("\(length) bytes of it are taken for all")
                continue
            }
        }
        var value = try #require(JSONValue(parsing: whole).objectValue)
        for (key, _) in value where key != "uuid" {
            let less = JSONObject(value.filter { $0.key != key }.map { ($0.key, $0.value) })
            #expect(refusal(less.jsonBytes()) != nil, "without \(key) it is taken")
        }
        value.set("x", for: "extra")
        #expect(refusal(value.jsonBytes())?.description.contains("extra") == true)
        value.set(2, for: "version")
        guard case .newer(2, known: 1)? = refusal(value.jsonBytes()) else {
            Issue.record("another format is taken for this one")
            return
        }
    }

    @Test(arguments: [
        "", "1", "1-", "1-9f86d081884c7d659a2feaa", "1-9f86d081884c7d659a2feaag", "x-9f86d081884c7d659a2feaa0",
    ])
    func textsThatAreNoStamp(text: String) { #expect(Stamp(restoring: text) == nil) }

    private static func expectEqual(_ one: VMRecord, _ other: VMRecord) throws {
        #expect((one.name, one.model, one.expression) == (other.name, other.model, other.expression))
        #expect(one.uuid == other.uuid)
        #expect(one.topology == other.topology)
        #expect(one.options == other.options)
        #expect(one.overlay == other.overlay)
        #expect(one.report.vcpus == other.report.vcpus)
        #expect(one.report.differenceSets == other.report.differenceSets)
        #expect(one.tables == other.tables)
        #expect(one.featureMSRs == other.featureMSRs)
        #expect(one.dropped == other.dropped)
        #expect((one.executor, one.appliedAt, one.requestID) == (other.executor, other.appliedAt, other.requestID))
        #expect(one.owner == other.owner)
    }
}

/// Random records, the same in every run (SplitMix64).
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
    mutating func maybe<T>(_ make: (inout Numbers) -> T) -> T? { below(2) == 0 ? nil : make(&self) }
    mutating func some<T>(_ most: Int, _ make: (inout Numbers) -> T) -> [T] {
        (0..<below(most + 1)).map { _ in make(&self) }
    }
    mutating func one<T>(of values: [T]) -> T { values[below(values.count)] }

    mutating func text() -> String {
        one(of: [
            "", "web-1", "a \"quoted\" \\ text", "tab\tand\nline\u{0}", "Ünï·漢字 🙂", "/usr/bin/vmm", "\u{7F}\u{2028}",
        ])
    }

    mutating func record(vcpus wanted: Int? = nil) throws -> VMRecord {
        let count = wanted ?? 1 + below(9)
        let first = table(count: below(70))
        // As KVM has them: nearly equal. And now and then as nobody expects them.
        let tables = (0..<count).map { index -> CPUIDTable in
            if wanted == nil, below(5) == 0 { return table(count: below(70)) }
            return CPUIDTable(
                first.entries.map { entry in
                    var entry = entry
                    if entry.leaf % 3 == 1 { entry.ebx = UInt32(index) << 24 }
                    return entry
                })
        }
        let sets = (0...below(3)).map { _ in some(5) { $0.difference() } }
        let report = VCPUReport(
            vcpus: (0..<count).map { index in
                .init(
                    index: index, vcpuID: word(), apicID: word(), verdict: one(of: Verdict.allCases),
                    stamp: Stamp(table: first, featureMSRs: [word(): next()]),
                    differenceSet: maybe { $0.below(sets.count) })
            }, differenceSets: sets)
        var owner = VMOwner(
            pid: Int32(below(1 << 22)), uid: word(), gid: word(), startTime: one(of: [0, 1, next(), .max]))
        owner.command = maybe { $0.text() }
        owner.program = maybe { $0.text() }
        owner.controlGroup = maybe { $0.text() }
        owner.unit = maybe { $0.text() }
        owner.machine = maybe { $0.text() }
        return VMRecord(
            name: text(), uuid: maybe { $0.text() }, model: text(), expression: text(),
            topology: try Topology(
                sockets: 1 + UInt32(below(4)), dies: 1 + UInt32(below(2)), modules: 1 + UInt32(below(2)),
                cores: 1 + UInt32(below(8)), threads: 1 + UInt32(below(2))),
            options: options(), overlay: maybe { $0.overlay() },
            report: report, tables: VCPUTables(tables),
            featureMSRs: Dictionary(some(6) { ($0.word(), $0.one(of: [0, 1, $0.next(), .max])) }) { $1 },
            dropped: some(12) { $0.unavailable() }, executor: one(of: ["owner", "inject", "direct"]), owner: owner,
            appliedAt: Int64(below(1 << 40)), requestID: "\(String(word(), radix: 16))-\(below(1000))")
    }

    mutating func options() -> GuestCPU.Options {
        GuestCPU.Options(
            physicalAddressBits: maybe { 32 + UInt8($0.below(21)) },
            physicalAddressLimit: maybe { 32 + UInt8($0.below(21)) },
            apicIDs: maybe { $0.some(5) { $0.word() } }, caches: one(of: GuestCPU.Options.Caches.allCases),
            hasPMU: below(2) == 0, tscKHz: maybe { 1 + $0.word() / 2 }, level: maybe { 1 + UInt32($0.below(0xFFFF)) },
            extendedLevel: maybe { 0x8000_0000 + UInt32($0.below(0x10000)) }, hasExtendedTopology: below(2) == 0,
            exposesKVM: below(2) == 0, hyperV: Set(some(4) { $0.one(of: HyperVFeature.allCases) }),
            enclavePageCache: some(2) {
                EnclavePageCacheSection(
                    address: UInt64($0.below(1 << 30)) << 12, size: UInt64(1 + $0.below(1 << 20)) << 12)
            }.compactMap(\.self))
    }

    mutating func overlay() -> RecordedOverlay {
        let kept = Set(some(4) { $0.one(of: OverlayPart.allCases) })
        return RecordedOverlay(keeping: kept, base: table(count: below(20)))
    }

    mutating func table(count: Int) -> CPUIDTable {
        CPUIDTable(
            (0..<count).map { _ in
                let leaf = one(of: [0, 1, 7, 0xD, 0x4000_0001, 0x8000_001E, word()])
                let subleaf: SubleafMatch = below(2) == 0 ? .any : .exact(one(of: [0, 1, 63, word()]))
                return CPUIDEntry(leaf, subleaf, eax: word(), ebx: word(), ecx: word(), edx: word())
            })
    }

    mutating func difference() -> TableDifference {
        let place: TableDifference.Place =
            switch below(3) {
            case 0: .entry(leaf: word(), subleaf: word())
            case 1: .register(leaf: word(), subleaf: word(), one(of: CPUIDRegister.allCases))
            default: .msr(word())
            }
        return TableDifference(
            place, one(of: TableDifference.Kind.allCases), want: next(), got: next(), bits: one(of: [0, next(), .max]),
            missing: some(3) { $0.one(of: VCPUStateSource.allCases) })
    }

    mutating func unavailable() -> UnavailableFeature {
        let features = FeatureRegistry.shared.all.map(\.feature)
        let reason: UnavailableFeature.Reason =
            switch below(9) {
            case 0: .hostLacks
            case 1: .hiddenByKVM
            case 2: .notOffered
            case 3: .needs(some(3) { $0.one(of: features) })
            case 4: .conflicts(with: one(of: features))
            case 5: .olderVersion(host: UInt8(below(256)), model: UInt8(below(256)))
            case 6: .notComputed
            case 7: .needsOption(text())
            default: .beyondLevel(word())
            }
        return UnavailableFeature(feature: one(of: features), reason: reason)
    }
}
