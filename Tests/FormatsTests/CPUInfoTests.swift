// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Formats
import Testing
import X86CPU

@Suite struct CPUInfoTests {
    private func names(_ features: FeatureSet) -> [String] { features.map { FeatureRegistry.shared.name(of: $0) } }

    @Test func aWholeFileTellsItsFirstCPU() throws {
        let text = """
            processor\t: 0
            vendor_id\t: AuthenticAMD
            cpu family\t: 25
            model\t\t: 1
            model name\t: AMD EPYC 7763
            stepping\t: 1
            microcode\t: 0xa0011d1
            flags\t\t: fpu lm ibpb ssbd constant_tsc sse4_1
            processor\t: 1
            flags\t\t: fpu vme
            """
        let info = try CPUInfoFlags.read(Array(text.utf8), name: "cpuinfo")
        #expect(info.vendor == .amd && info.signature?.description == "25/1/1" && info.brand == "AMD EPYC 7763")
        #expect(info.microcode == 0xA001_1D1 && info.others == ["constant_tsc"])
        #expect(names(info.features) == ["sse4.1", "fpu", "lm", "ibpb", "amd-ssbd"])
    }

    @Test func aLineAloneIsEnough() throws {
        let info = try CPUInfoFlags.read(Array("flags : fpu ibrs ibpb stibp ssbd pti\n".utf8), name: "flags")
        #expect(names(info.features) == ["fpu", "spec-ctrl", "stibp", "ssbd"] && info.others == ["pti"])
        #expect(CPUInfoFlags.text(of: info.features) == "fpu ssbd ibrs ibpb stibp")
    }

    @Test func aTextWithoutFlagsIsRefused() {
        #expect { try CPUInfoFlags.read(Array("hello world\n".utf8), name: "x") } throws: {
            "\($0)" == "x: there is no flag in the text that is a CPU's feature"
        }
    }
}
