// SPDX-License-Identifier: Apache-2.0

import JSON
import Testing
import X86CPU

@testable import CPUModelDaemon

@Suite struct HostHistoryTests {
    private func host(_ ebx7: UInt32, kernel: String = "6.12.1") throws -> HostCPU {
        let signature = try #require(CPUSignature(family: 6, model: 106, stepping: 6))
        return HostCPU(
            identity: .init(vendor: .intel, signature: signature, kernel: kernel, module: "kvm_intel"),
            supported: CPUIDTable([CPUIDEntry(0, eax: 7), CPUIDEntry(7, .exact(0), ebx: ebx7)]))
    }

    @Test func aHostThatStaysHasNothingBefore() throws {
        var history = HostHistory(of: try host(1), at: 100)
        #expect(history.see(try host(1), at: 200).isEmpty)
        #expect(history.since == 100)
        #expect(history.lastSeenAt == 200)
        #expect(history.lastChanges == nil)
    }

    @Test func theLastChangeStaysToldOverRunsThatChangeNothing() throws {
        var history = HostHistory(of: try host(0b11), at: 100)
        _ = history.see(try host(0b11), at: 150)
        #expect(!history.see(try host(0b01), at: 200).isEmpty)
        #expect(history.see(try host(0b01), at: 300).isEmpty)
        #expect(history.since == 200)
        #expect(history.before?.lastSeenAt == 150)
        #expect(history.lastChanges?.lost.count == 1)
    }

    @Test func itComesBackFromItsFileAsItWas() throws {
        var history = HostHistory(of: try host(0b11), at: 100)
        _ = history.see(try host(0b01, kernel: "7.0"), at: 200)
        let read = try HostHistory(reading: JSONValue(parsing: history.jsonBytes()), path: "")
        #expect(read.host == history.host)
        #expect(read.before?.host == history.before?.host)
        #expect((read.since, read.lastSeenAt) == (200, 200))
        #expect(read.before?.lastSeenAt == 100)
    }

    @Test func aNewerFormatIsToldFromDamage() throws {
        func refusal(_ text: String) -> KeptFile.Fault? {
            do throws(KeptFile.Fault) {
                _ = try HostHistory(parsing: Array(text.utf8))
                return nil
            } catch { return error }
        }
        let history = HostHistory(of: try host(0b11), at: 100)
        let whole = String(decoding: history.jsonBytes(), as: UTF8.self)
        #expect(refusal(whole) == nil)
        guard case .newer(2, known: 1)? = refusal(whole.replacing("history-1", with: "history-2")) else {
            Issue.record("a newer format is not told from damage")
            return
        }
        for damaged in ["", "[]", "{", String(whole.dropLast(2)), whole.replacing("history-1", with: "history-x")] {
            guard case .damaged? = refusal(damaged) else {
                Issue.record("\(damaged.prefix(40)) is taken for no damage")
                continue
            }
        }
    }
}
