// SPDX-License-Identifier: Apache-2.0

import Formats
import Testing
import X86CPU

@Suite struct CPUDumpTests {
    static let first = "00000016-756E6547-6C65746E-49656E69"

    /// One CPU with leaves 0, 1 and 4.0...4.1 in the manner of each program.
    static let dialects: [(format: CPUDump.Format, text: String)] = [
        (
            .cpuid,
            """
            CPU 0:
               0x00000000 0x00: eax=0x00000016 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69
               0x00000001 0x00: eax=0x000506e3 ebx=0x00100800 ecx=0x7ffafbff edx=0xbfebfbff
               0x00000004 0x00: eax=0x1c004121 ebx=0x01c0003f ecx=0x0000003f edx=0x00000000
               0x00000004 0x01: eax=0x1c004122 ebx=0x01c0003f ecx=0x0000003f edx=0x00000000
            """
        ),
        (
            .aida,
            """
            ------[ Versions ]------
            Program Version : something else
            ------[ CPUID Registers / Logical CPU #0 ]------
            CPUID 00000000: \(first) [GenuineIntel]
            CPUID 00000001: 000506E3-00100800-7FFAFBFF-BFEBFBFF
            CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00]
            CPUID 00000004: 1C004122-01C0003F-0000003F-00000000 [SL 01]
            """
        ),
        (
            .aida,
            """
            CPU#000 AffMask: 0x0000000000000001\r
            CPUID 00000000: \(first)\r
            CPUID 00000001: 000506E3-00100800-7FFAFBFF-BFEBFBFF\r
            CPUID 00000004: 1C004121-01C0003F-0000003F-00000000\r
            CPUID 00000004: 1C004122-01C0003F-0000003F-00000000\r
            """
        ),
        (
            .aida,
            """
            CPUID Registers (CPU #1):
              CPUID 00000000  \t\(first)
              CPUID 00000001  \t000506E3-00100800-7FFAFBFF-BFEBFBFF
              CPUID 00000004  \t1C004121-01C0003F-0000003F-00000000
              CPUID 00000004  \t1C004122-01C0003F-0000003F-00000000
            """
        ),
        (
            .libcpuid,
            """
            version=0.6.4
            basic_cpuid[0]=00000016 756e6547 6c65746e 49656e69
            basic_cpuid[1]=000506e3 00100800 7ffafbff bfebfbff
            intel_fn4[0]=1c004121 01c0003f 0000003f 00000000
            intel_fn4[1]=1c004122 01c0003f 0000003f 00000000
            """
        ),
        (
            .cpudata,
            """
            <?xml version='1.0'?>
            <!-- a host -->
            <cpudata arch='x86'>
              <cpuid eax_in='0x00' ecx_in='0x0' eax='0x16' ebx='0x756e6547' ecx='0x6c65746e' edx='0x49656e69'/>
              <cpuid eax_in='0x01' eax='0x000506e3' ebx='0x00100800' ecx='0x7ffafbff' edx='0xbfebfbff'/>
              <cpuid eax_in='0x04' ecx_in='0x0' eax='0x1c004121' ebx='0x01c0003f' ecx='0x0000003f' edx='0x0'/>
              <cpuid eax_in='0x04' ecx_in='0x1' eax='0x1c004122' ebx='0x01c0003f' ecx='0x0000003f' edx='0x0'/>
            </cpudata>
            """
        ),
    ]

    @Test(arguments: dialects.indices)
    func everyDialectGivesTheSameTable(_ index: Int) throws {
        let (format, text) = Self.dialects[index]
        let dump = try CPUDump.read(Array(text.utf8), name: "dump")
        let table = CPUIDTable([
            CPUIDEntry(0, eax: 0x16, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69),
            CPUIDEntry(1, eax: 0x506E3, ebx: 0x100800, ecx: 0x7FFA_FBFF, edx: 0xBFEB_FBFF),
            CPUIDEntry(4, .exact(0), eax: 0x1C00_4121, ebx: 0x01C0_003F, ecx: 0x3F),
            CPUIDEntry(4, .exact(1), eax: 0x1C00_4122, ebx: 0x01C0_003F, ecx: 0x3F),
        ])
        #expect(dump.format == format && dump.subject == .native && dump.cpus.count == 1)
        #expect(dump.table == table)
        #expect(dump.vendor == .intel && dump.signature.description == "6/94/3")
    }

    @Test func severalCPUsAreKept() throws {
        let cpu = "CPUID 00000000: \(Self.first)\nCPUID 00000001: 000506E3-%-7FFAFBFF-BFEBFBFF\n"
        let text = ["00100800", "01100800"].enumerated().map { index, register in
            "------[ Logical CPU #\(index) ]------\n" + cpu.split(separator: "%").joined(separator: register)
        }.joined()
        let dump = try CPUDump.read(Array(text.utf8), name: "dump")
        #expect(dump.cpus.map(\.number) == [0, 1])
        #expect(dump.cpus.map { $0.table.value(1, 0, .ebx) >> 24 } == [0, 1])
    }

    @Test func msrsOfAnInstLatDumpAreRead() throws {
        let text =
            Self.dialects[1].text
            + "\nMSR 0000010A: 0000-0000-0000-0C6B\nMSR 0000008B: 0000-00F0-0000-0000\nMSR 00000017: < FAILED >\n"
        let dump = try CPUDump.read(Array(text.utf8), name: "dump")
        #expect(dump.msrs == [0x10A: 0xC6B, 0x8B: 0xF0_0000_0000] && dump.microcode == 0xF0)
    }

    @Test func answersBeyondTheHighestLeafAreNoFeatures() throws {
        // Leaf 7 echoes the highest leaf where that is 4; read as features, it would be AVX2 and more.
        let text = """
            CPUID 00000000: 00000004-756E6547-6C65746E-49656E69
            CPUID 00000001: 00000F41-00020800-0000649D-BFEBFBFF
            CPUID 00000007: FFFFFFFF-FFFFFFFF-FFFFFFFF-FFFFFFFF
            CPUID 80000000: 80000001-00000000-00000000-00000000
            CPUID 80000001: 00000000-00000000-00000000-20100000
            CPUID 80000008: FFFFFFFF-FFFFFFFF-FFFFFFFF-FFFFFFFF
            CPUID C0000000: 00000001-00000002-00000100-00000073
            CPUID C0000001: FFFFFFFF-FFFFFFFF-FFFFFFFF-FFFFFFFF
            """
        let dump = try CPUDump.read(Array(text.utf8), name: "dump")
        #expect(dump.table.entries.map(\.leaf) == [0, 1, 0x8000_0000, 0x8000_0001])
        #expect(!dump.features.contains(.avx2))
    }

    @Test func whatAnEarlierLineSaysStandsAndIsTold() throws {
        let text = Self.dialects[0].text + "\n   0x00000001 0x00: eax=0x0 ebx=0x0 ecx=0x0 edx=0x0"
        #expect(throws: FormatError.self) { try CPUDump.read(Array(text.utf8), name: "dump") }
        let whole = Self.dialects[1].text + "\nCPUID 00000001: 00000000-00000000-00000000-00000000"
        let dump = try CPUDump.read(Array(whole.utf8), name: "dump")
        #expect(dump.table.value(1, 0, .eax) == 0x506E3)
        #expect(
            dump.notes == [
                "1 lines, the first of them line 8, say something else of a leaf than an earlier line, and were left out."
            ])
    }

    @Test(arguments: [
        ("", "dump: the text is empty"),
        (
            "hello\nworld\n",
            "dump: there is no line that \"cpuid -r\", AIDA64, InstLatx64 or libcpuid would write, and the text is "
                + "neither JSON nor XML"
        ),
        ("CPUID 00000000: 00000016-756E6547-6C65746E\n", "dump:1:43: \"-\" is expected between the registers"),
        ("\nCPUID 00000000: 16-756E6547\n", "dump:2:17: a number of 8 hexadecimal digits is expected"),
        ("CPUID 00000001: 000506E3-00100800-7FFAFBFF-BFEBFBFF\n", "dump: CPU 0 has no leaf 0"),
        ("basic_cpuid[99999999999]=0 0 0 0", "dump:1:13: an index and \"]=\" are expected"),
        ("<domain/>", "dump:1:1: a dump in XML is libvirt's \"cpudata\", not \"domain\""),
        ("<cpudata arch='s390'/>", "dump:1:1: the CPU is of the architecture \"s390\", not x86"),
        ("<cpudata>\n <cpuid eax_in='1'/>\n</cpudata>", "dump:2:2: \"cpuid\" has no attribute \"eax\""),
        ("<cpudata>\n <cpuid eax_in='x'/>\n</cpudata>", "dump:2:9: \"eax_in\" must be a number of 32 bits, not \"x\""),
        (
            "{\"a\": 1}",
            "dump: the JSON object has none of the members \"format\", \"supported_cpuid\", \"guest_cpu_config\" and \"cpuid_modifiers\" that tell what it is"
        ),
        ("{\"a\"\n 1}", "dump:2:2: ':' is expected, not '1', at byte 6"),
    ])
    func badDumpsAreRefusedWithTheirPlace(_ text: String, _ message: String) {
        #expect {
            try CPUDump.read(Array(text.utf8), name: "dump")
        } throws: { error in
            let description = (error as? FormatError)?.description
            if description != message { Issue.record("\(description ?? "another error")") }
            return description == message
        }
    }
}
