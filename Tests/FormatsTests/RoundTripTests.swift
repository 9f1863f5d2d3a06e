// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import Testing
import X86CPU

/// What is written for another program means the same when it is read back.
@Suite struct RoundTripTests {
    /// Every version, plain and with changes, by itself and on hosts where not all is there.
    static func models(_ catalog: ModelCatalog) throws -> [(model: ExpandedModel, host: HostCPU?)] {
        var hosts: [HostCPU?] = [nil]
        if Conformance.isPresent {
            for file in [
                "qemu-tables/hosts/wide-intel.json", "kvm-hosts/epyc-milan.json", "kvm-hosts/this-machine.json",
            ] {
                hosts.append(try HostCPU(kvmHost: Conformance.json(file)))
            }
        }
        let changes = ["", ",-avx", ",+vmx,-vmx-ept", ",+svm", ",-kvmclock,+invtsc,-x2apic"]
        return try catalog.models.flatMap(\.versions).flatMap { version in
            try hosts.flatMap { host in
                try changes.map { (try catalog.expand(ModelExpression(parsing: version.name + $0), on: host), host) }
            }
        }
    }

    @Test func theQEMUArgumentMeansTheModel() throws {
        let catalog = try Conformance.catalog()
        for (model, host) in try Self.models(catalog) {
            for detail in [QEMUCPU.Detail.differences, .explicit] {
                let (cpu, export) = try QEMUCPU.exporting(model, catalog: catalog, detail: detail, isEnforced: true)
                let read = try QEMUCPU(parsing: export.text, name: "cpu")
                #expect(read == cpu)
                let imported = try read.imported(into: catalog, name: "cpu")
                let again = try catalog.expand(imported.expression, on: host)
                let differences = again.features.subtracting(model.features).union(
                    model.features.subtracting(again.features))
                #expect(
                    differences.isSubset(of: export.inexpressible),
                    "\(model.expression): \(differences.map { FeatureRegistry.shared.name(of: $0) })")
                #expect(imported.failsOnUnavailable == true)
                #expect(imported.signature ?? again.signature == model.signature)
                #expect(imported.vendor ?? again.vendor == model.vendor)
            }
        }
    }

    @Test func aModelUnknownToQEMUIsWrittenAsOneItKnows() throws {
        let catalog = try Conformance.catalog()
        let vocabulary = QEMUVocabulary(models: ["Haswell-v1", "EPYC-v1"])
        let model = try catalog.expand(ModelExpression(parsing: "Icelake-Server-v1"), on: nil)
        let (cpu, export) = try QEMUCPU.exporting(model, catalog: catalog, vocabulary: vocabulary)
        #expect(cpu.model == "Haswell-v1" && export.notes.first?.contains("Icelake-Server-v1") == true)
        let imported = try cpu.imported(into: catalog, name: "cpu")
        #expect(try catalog.expand(imported.expression, on: nil).features == model.features)
        #expect(imported.signature == model.signature && imported.brand == model.description)
    }

    @Test func hostAndMaxStayWhatTheyAre() throws {
        let catalog = try Conformance.catalog()
        guard Conformance.isPresent else { return }
        let host = try HostCPU(kvmHost: Conformance.json("kvm-hosts/epyc-milan.json"))
        for text in ["host", "max", "host,-avx2", "max,+svm,-fma"] {
            let model = try catalog.expand(ModelExpression(parsing: text), on: host)
            let qemu = try QEMUCPU.exporting(model, catalog: catalog).cpu.imported(into: catalog, name: "cpu")
            #expect(try catalog.expand(qemu.expression, on: host).features == model.features, "\(text)")
            let libvirt = try LibvirtCPU.exporting(model, catalog: catalog)
            let read = try LibvirtCPU.read(Array(libvirt.export.text.utf8), name: "xml").imported(
                into: catalog, name: "xml")
            #expect(try catalog.expand(read.expression, on: host).features == model.features, "\(text)")
        }
    }

    @Test func theLibvirtElementMeansTheModelToQEMUAndToLibvirt() throws {
        let catalog = try Conformance.catalog()
        let nameable = FeatureSet(
            FeatureRegistry.shared.all.filter { $0.name(in: .libvirt) != nil }.map(\.feature))
        for (model, host) in try Self.models(catalog) {
            let (cpu, export) = try LibvirtCPU.exporting(model, catalog: catalog)
            let read = try LibvirtCPU.read(Array(export.text.utf8), name: "xml")
            #expect(read == cpu)
            let again = try catalog.expand(read.imported(into: catalog, name: "xml").expression, on: host)
            let differences = again.features.subtracting(model.features).union(
                model.features.subtracting(again.features))
            #expect(
                differences.isSubset(of: export.inexpressible),
                "\(model.expression): \(differences.map { FeatureRegistry.shared.name(of: $0) })")
            let byLibvirt = try #require(read.featuresByLibvirt).subtracting([.osxsave, .ospke])
            #expect(byLibvirt == model.features.intersection(nameable), "\(model.expression)")
        }
    }

    @Test func theFlagsLineMeansTheFeaturesLinuxNames() throws {
        let catalog = try Conformance.catalog()
        for (model, _) in try Self.models(catalog) {
            let text = CPUInfoFlags.text(of: model.features)
            let read = try CPUInfoFlags.read(Array(text.utf8), name: "flags")
            #expect(read.others.isEmpty)
            #expect(CPUInfoFlags.text(of: read.features) == text)
            let named = model.features.filter { FeatureRegistry.shared.info(of: $0)?.name(in: .linux) != nil }
            #expect(FeatureSet(named).isSubset(of: read.features))
        }
    }
}
