// SPDX-License-Identifier: Apache-2.0

import CPUIDFields
import Testing
import X86CPU

struct CPUIDFieldsTests {
    @Test func everyLineIsRead() {
        #expect(CPUIDFields.shared.problems.isEmpty)
        #expect(CPUIDFields.shared.all.count > 800)
    }

    @Test func noTwoFieldsShareABit() {
        for field in CPUIDFields.shared.all {
            let others = CPUIDFields.shared.fields(field.leaf, field.subleaves.lowerBound, field.register)
                .filter { $0 != field && $0.subleaves.overlaps(field.subleaves) }
            for other in others { #expect(field.mask & other.mask == 0, "\(field.name) and \(other.name)") }
        }
    }

    @Test func fieldsAreFoundBySubleaf() {
        #expect(CPUIDFields.shared.fields(7, 0, .ebx).first { $0.bits == 5...5 }?.name == "avx2")
        #expect(CPUIDFields.shared.fields(0xD, 9, .eax).map(\.name) == ["xsave_sz"])
        #expect(CPUIDFields.shared.fields(7, 40, .ebx).isEmpty)
    }

    @Test func valuesAreTakenOut() {
        let fields = CPUIDFields.shared.fields(1, 0, .eax)
        #expect(fields.map { $0.value(in: 0x00A2_0F10) } == [0, 1, 0xF, 0, 2, 0xA])
        #expect(CPUIDFields.shared.fields(0, 0, .eax).first?.mask == .max)
    }

    @Test func badLinesAreNoted() {
        let text = "[0x1 0 eax]\n3:0 a b c\n4:5 x y\n32 x y\n5\n[1 0 eax]\n1 lost x\n[0x1 2-1 eax]\n[0x1 0 rax]\n"
        let fields = CPUIDFields(parsing: Array(text.utf8))
        #expect(fields.all.map(\.meaning) == ["b c"])
        #expect(fields.problems.count == 7)
    }
}
