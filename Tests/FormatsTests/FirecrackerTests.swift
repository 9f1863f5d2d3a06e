// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import JSON
import Testing
import X86CPU

@Suite struct FirecrackerTests {
    private func read(_ text: String) throws -> FirecrackerTemplate {
        try FirecrackerTemplate.read(Array(text.utf8), name: "t")
    }

    private func template(_ bitmap: String) -> String {
        """
        {"cpuid_modifiers": [{"leaf": "0x7", "subleaf": "0x0", "flags": 1,
         "modifiers": [{"register": "ebx", "bitmap": "\(bitmap)"}]}], "msr_modifiers": []}
        """
    }

    @Test func bitmapsSetClearAndKeep() throws {
        let template = try read(template("0b1_0x"))
        let table = CPUIDTable([CPUIDEntry(7, .exact(0), ebx: 0xFFFF_FFF3)])
        #expect(template.applied(to: table).table.value(7, 0, .ebx) == 0xFFFF_FFF5)
        #expect(template.applied(to: CPUIDTable()).missing.count == 1)
        #expect(template.forcedOn.map(\.bit) == [2] && template.forcedOff.map(\.bit) == [1])
    }

    @Test(arguments: [
        ("0b2", "t: cpuid_modifiers[0].modifiers[0].bitmap must be \"0b\" and at most 32 digits, each 0, 1 or x"),
        (
            "0b" + String(repeating: "1", count: 33),
            "t: cpuid_modifiers[0].modifiers[0].bitmap must be \"0b\" and at most 32 digits, each 0, 1 or x"
        ),
        ("101", "t: cpuid_modifiers[0].modifiers[0].bitmap must be \"0b\" and at most 32 digits, each 0, 1 or x"),
    ])
    func badBitmapsAreRefused(_ bitmap: String, _ message: String) {
        #expect { try read(template(bitmap)) } throws: { "\($0)" == message }
    }

    @Test func aTemplateIsNoDump() {
        #expect { try CPUDump.read(Array(template("0b1x").utf8), name: "t") } throws: {
            "\($0)"
                == "t: the text is a template, which changes a CPU, and not the dump of one: it does not say every bit"
        }
    }

    @Test(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
    func templatesAreWrittenToTheSameEffect() throws {
        let files = Conformance.files(in: "firecracker/templates", ending: ".json")
        let guests = try Conformance.files(in: "firecracker/fingerprints", ending: ".json").map {
            try CPUDump.read(Conformance.bytes("\(Conformance.directory)/firecracker/fingerprints/\($0)"), name: $0)
        }
        var right = 0
        for file in files {
            let bytes = try Conformance.bytes("\(Conformance.directory)/firecracker/templates/\(file)")
            let template = try FirecrackerTemplate.read(bytes, name: file)
            let again = try FirecrackerTemplate.read(Array(template.text.utf8), name: file)
            #expect(again == template)
            for guest in guests {
                #expect(again.applied(to: guest.table).table == template.applied(to: guest.table).table)
            }
            // As a model, too: on a host, the guest has the features that the template leaves of it.
            let imported = try template.imported(name: file)
            #expect(imported.expression.base == "max")
            #expect(
                imported.expression.removed
                    == template.forcedOff.intersection(FeatureRegistry.shared.named).subtracting([.osxsave, .ospke]))
            right += 1
        }
        print("firecracker: \(right) of \(files.count) templates import and are written to the same effect")
        #expect(right == 4)
    }

    @Test(.enabled(if: Conformance.isPresent, "\(Conformance.absence)"))
    func anExportedModelGivesTheGuestItsFeatures() throws {
        let catalog = try Conformance.catalog()
        let host = try HostCPU(kvmHost: Conformance.json("qemu-tables/hosts/wide-intel.json"))
        for version in catalog.models.flatMap(\.versions) where version.vendor == .intel {
            let model = try catalog.expand(ModelExpression(parsing: version.name), on: host)
            let (template, export) = FirecrackerTemplate.exporting(model, on: host)
            let (table, missing) = template.applied(to: host.supported)
            #expect(missing.isEmpty)
            let left = FeatureSet([
                .apic, .osxsave, .ospke, .hypervisor, .ht, .cmpLegacy, .topoext, .tscDeadline, .x2apic,
            ])
            var (found, wanted) = (FeatureSet(table: table), model.features)
            for word in FeatureWord.allCases {
                guard case .cpuid(let leaf, _, _) = word.position, leaf != 0x4000_0001 else {
                    (found[word], wanted[word]) = (0, 0)
                    continue
                }
            }
            let differing = found.subtracting(wanted).union(wanted.subtracting(found)).subtracting(left)
            #expect(
                differing.isSubset(of: export.inexpressible),
                "\(version.name): \(differing.map { FeatureRegistry.shared.name(of: $0) })")
            #expect(CPUSignature(eax: table.value(1, 0, .eax)) == version.signature)
            #expect(template.applied(to: [:])[0x10A] ?? 0 == model.features[.archCapabilities])
        }
    }
}
