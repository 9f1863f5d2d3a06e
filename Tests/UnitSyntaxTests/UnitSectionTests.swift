// SPDX-License-Identifier: Apache-2.0

import Testing
import UnitSyntax

@Suite("Sections")
struct UnitSectionTests {
    private func file(_ text: String) throws -> UnitFile {
        try UnitFile(parsing: Array(text.utf8), file: "m.cpumodel")
    }

    @Test("The last assignment wins where there may be one only")
    func last() throws {
        let section = try file("[S]\nK=1\nL=2\nK=3\n").sections[0]
        #expect(section.last("K")?.value == "3")
        #expect(section.last("L")?.value == "2")
        #expect(section.last("M") == nil)
        #expect(section.keys == ["K", "L"])
    }

    @Test("Assignments of a list add up, and an empty one starts it anew")
    func all() throws {
        let section = try file("[S]\nK=1\nK=2\nK=\nL=x\nK=3\nK=4\n").sections[0]
        #expect(section.all("K").map(\.value) == ["3", "4"])
        #expect(section.all("M").isEmpty)
        #expect(try file("[S]\nK=1\nK=\n").sections[0].all("K").isEmpty)
    }

    @Test("The empty assignment resets across repeated sections, too")
    func merged() throws {
        let file = try file("[S]\nK=1\n[S]\nK=\nK=2\n")
        #expect(file.merged(section: "S").list("K").map(\.value) == ["2"])
    }

    @Test("Unknown keys and sections are errors with a suggestion where one is near")
    func unknown() throws {
        let file = try file("[Model]\nName=a\nVender=b\n[Versoin]\n")
        #expect(throws: Never.self) { try file.sections[0].refuseKeys(notIn: ["Name", "Vender"]) }
        let key = #expect(throws: UnitSyntaxError.self) {
            try file.sections[0].refuseKeys(notIn: ["Name", "Vendor"])
        }
        #expect(
            key?.description
                == #"m.cpumodel:3: there is no key "Vender" in the section "Model"; did you mean "Vendor"?"#)
        let section = #expect(throws: UnitSyntaxError.self) { try file.refuseSections(notIn: ["Model", "Version"]) }
        #expect(
            section?.description
                == #"m.cpumodel:4: there is no section "Versoin" in this kind of file; did you mean "Version"?"#)
        let far = #expect(throws: UnitSyntaxError.self) { try file.refuseSections(notIn: ["Model", "Host"]) }
        #expect(far?.message == #"there is no section "Versoin" in this kind of file"#)
    }
}
