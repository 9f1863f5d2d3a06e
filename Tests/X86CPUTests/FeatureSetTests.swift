// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import X86CPU

@Suite struct FeatureSetTests {
    @Test func itHoldsEveryBitOfEveryWord() {
        var set = FeatureSet()
        var count = 0
        for word in FeatureWord.allCases {
            for bit in 0..<word.bitCount {
                let feature = Feature(word, bit)
                #expect(!set.contains(feature))
                set.insert(feature)
                #expect(set.contains(feature))
                count += 1
            }
        }
        #expect(set.count == count)
        #expect(Array(set) == Array(set).sorted())
        #expect(FeatureSet(Array(set)) == set)
        for feature in set { set.remove(feature) }
        #expect(set.isEmpty && set == FeatureSet())
    }

    @Test func theOperationsAreThoseOfSets() {
        let one: FeatureSet = [.avx, .xsave, .svm]
        let other: FeatureSet = [.xsave, .pku]
        #expect(one.union(other) == [.avx, .xsave, .svm, .pku])
        #expect(one.intersection(other) == [.xsave])
        #expect(one.subtracting(other) == [.avx, .svm])
        #expect(other.intersection(one).isSubset(of: one))
        #expect(!other.isSubset(of: one))
        #expect(FeatureSet().isSubset(of: other) && FeatureSet().isEmpty)
    }

    @Test func wordsComeFromTablesAndMSRs() throws {
        let table = CPUIDTable([
            CPUIDEntry(1, ecx: 1 << 28), CPUIDEntry(7, .exact(0), ebx: 1 << 5), CPUIDEntry(7, .exact(1), eax: 1 << 10),
        ])
        let set = FeatureSet(table: table, msrs: [0x10A: 1 << 62, 0x48B: 0x0000_0003_0000_0001, 0x999: 1])
        let itsNo = try #require(Feature(.archCapabilities, bit: 62))
        let ept = try #require(Feature(.vmxProcbasedCtls2, bit: 1))
        #expect(set == [.avx, .avx2, .fzrm, itsNo, ept])
    }

    @Test func bitsOutsideAWordAreNoFeatures() {
        #expect(Feature(.leaf1_ecx, bit: 32) == nil)
        #expect(Feature(.vmxProcbasedCtls2, bit: 32) == nil)
        #expect(Feature(.archCapabilities, bit: 63) != nil)
        #expect(Feature(.archCapabilities, bit: 64) == nil)
    }

    @Test func positionsAreWrittenAsInTheManuals() throws {
        #expect(Feature.avx2.description == "CPUID.7.0:EBX[5]")
        #expect(Feature.invtsc.description == "CPUID.80000007:EDX[8]")
        #expect(Feature.vmx.description == "CPUID.1:ECX[5]")
        #expect(try #require(Feature(.vmxProcbasedCtls2, bit: 1)).description == "MSR 0x48B[33]")
    }

    @Test func everyWordIsFoundByItsPosition() {
        for word in FeatureWord.allCases {
            #expect(FeatureWord(word.position) == word)
        }
        #expect(FeatureWord(leaf: 7, subleaf: 0, register: .ebx) == .leaf7_0_ebx)
        #expect(FeatureWord(leaf: 1, subleaf: 5, register: .ecx) == .leaf1_ecx)
        #expect(FeatureWord(leaf: 7, subleaf: 3, register: .ebx) == nil)
    }

    @Test func runtimeFeaturesAreNotStatic() {
        for runtime in RuntimeFeature.allCases {
            #expect(RuntimeFeature(runtime.feature) == runtime)
            #expect((StaticFeature(runtime.feature) == nil) == (runtime != .mwait))
        }
        #expect(StaticFeature(.avx)?.feature == .avx)
    }
}

@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func theVectorsOfFIPS180(_ text: String, _ digest: String) {
        #expect(SHA256.hex(text.utf8) == digest)
    }
}
