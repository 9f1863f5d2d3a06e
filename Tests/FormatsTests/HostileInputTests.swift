// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Formats
import Testing
import X86CPU

/// Large and hostile texts cost bounded time and memory.
@Suite struct HostileInputTests {
    /// Bytes that no format allows, behind the limit and before it: a reader that looked at any of them would say so,
    /// and not that there are too many.
    @Test func ahundredMegabytesAreRefusedUnread() {
        let bytes = [UInt8](repeating: 0, count: 100 << 20)
        func isLimit(_ error: any Error) -> Bool {
            "\(error)".contains("the text has \(bytes.count) bytes") || "\(error)".contains("the text is longer than")
        }
        #expect { try CPUDump.read(bytes, name: "huge") } throws: { isLimit($0) }
        #expect { try LibvirtCPU.read(bytes, name: "huge") } throws: { isLimit($0) }
        #expect { try FirecrackerTemplate.read(bytes, name: "huge") } throws: { isLimit($0) }
        #expect { try CPUInfoFlags.read(bytes, name: "huge") } throws: { isLimit($0) }
    }

    /// The largest text that is read, of what costs each reader most.
    @Test(arguments: [
        "a", "\n", "CPU 0:\n", "{", "[", "<", "<a>", "&amp;", "0x", "CPUID 00000000: 00000016-", "flags : fpu ",
    ])
    func repetitionIsNotReadInQuadraticTime(_ unit: String) {
        let bytes = Array(String(repeating: unit, count: (4 << 20) / unit.utf8.count).utf8)
        let clock = ContinuousClock()
        let time = clock.measure {
            _ = try? CPUDump.read(bytes, name: "x")
            _ = try? LibvirtCPU.read(bytes, name: "x")
            _ = try? FirecrackerTemplate.read(bytes, name: "x")
            _ = try? CPUInfoFlags.read(bytes, name: "x")
            _ = try? QEMUCPU(parsing: String(decoding: bytes, as: UTF8.self), name: "x")
        }
        // Linear, this takes seconds even of a debug build on a busy machine; quadratic, in 4 MiB it would take days.
        #expect(time < .seconds(600))
    }

    @Test func rowsAndCPUsAreBounded() {
        let row = "CPUID 00000000: 00000016-756E6547-6C65746E-49656E69\n"
        let rows =
            row + (0..<2000).map { "CPUID 00000004: \(hex($0))-00000000-00000000-00000000 [SL \(hex($0))]\n" }.joined()
        #expect { try CPUDump.read(Array(rows.utf8), name: "x") } throws: { "\($0)".contains("more than 1024 rows") }
        let cpus = String(repeating: "CPU 0:\n" + row, count: 9000)
        #expect { try CPUDump.read(Array(cpus.utf8), name: "x") } throws: { "\($0)".contains("more than 8192 CPUs") }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SystemRandomNumberGenerator()
        for seed in CPUDumpTests.dialects.map(\.text) {
            for _ in 0..<200 {
                var bytes = Array(seed.utf8)
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0...2, using: &generator) {
                    case 0: bytes[place] = .random(in: 0...255, using: &generator)
                    case 1: bytes.remove(at: place)
                    default: bytes.removeSubrange(place...)
                    }
                    if bytes.isEmpty { bytes = [0] }
                }
                if let dump = try? CPUDump.read(bytes, name: "x") { _ = try? dump.hostCPU() }
                _ = try? LibvirtCPU.read(bytes, name: "x")
                _ = try? CPUInfoFlags.read(bytes, name: "x")
            }
        }
    }

    private func hex(_ value: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
