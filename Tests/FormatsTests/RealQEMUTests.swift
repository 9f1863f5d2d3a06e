// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import Formats
import Glibc
import JSON
import KVM
import Testing
import X86CPU

/// What is written for QEMU, given to QEMU.
@Suite(.enabled(if: RealQEMU.isPresent, "\(RealQEMU.absence)"), .serialized)
struct RealQEMUTests {
    static let hasKVM = unsafe access("/dev/kvm", R_OK | W_OK) == 0

    private func vocabulary() throws -> QEMUVocabulary {
        let answers = try RealQEMU.ask([
            ["execute": "query-cpu-definitions"],
            ["execute": "device-list-properties", "arguments": ["typename": "qemu64-x86_64-cpu"]],
        ])
        func names(_ answer: JSONValue) -> Set<String> {
            Set((answer.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
        }
        return QEMUVocabulary(models: names(answers[0]), properties: names(answers[1]))
    }

    /// Features by QEMU's names, from a full expansion.
    private func features(_ answer: JSONValue, _ vocabulary: QEMUVocabulary) throws -> [String: Bool] {
        let properties = try #require(answer["model"]?["props"]?.objectValue, "\(answer)")
        var values: [String: Bool] = [:]
        for (name, value) in properties where vocabulary.properties?.contains(name) == true {
            if let value = value.boolValue { values[name] = value }
        }
        return values
    }

    @Test func everyVersionIsTheSameFeaturesToQEMU() throws {
        let vocabulary = try vocabulary()
        let catalog = try Conformance.catalog()
        var models: [ExpandedModel] = []
        for version in catalog.models.flatMap(\.versions) {
            for changes in ["", ",-avx", ",+vmx,-vmx-ept", ",+svm"] {
                models.append(try catalog.expand(ModelExpression(parsing: version.name + changes), on: nil))
            }
        }
        let exports = try models.map {
            try QEMUCPU.exporting($0, catalog: catalog, detail: .explicit, vocabulary: vocabulary)
        }
        let answers = try RealQEMU.ask(
            exports.map { cpu, _ in
                var properties = JSONObject()
                for property in cpu.properties {
                    let number = Int64(property.value)
                    let value: JSONValue =
                        switch property.value {
                        case "on": true
                        case "off": false
                        default: number.map { .integer($0) } ?? .string(property.value)
                        }
                    properties.set(value, for: property.name)
                }
                return [
                    "execute": "query-cpu-model-expansion",
                    "arguments": [
                        "type": "full", "model": ["name": .string(cpu.model), "props": .object(properties)],
                    ],
                ]
            })
        var right = 0
        for ((model, (cpu, export)), answer) in zip(zip(models, exports), answers) {
            let found = try features(answer, vocabulary)
            // A property may be several bits, and is on when all are. TCG has no paravirtual features.
            var bits: [String: FeatureSet] = [:]
            for info in FeatureRegistry.shared.all
            where info.feature.word != .leaf40000001_eax && info.feature.word != .leaf40000001_edx {
                if let name = vocabulary.name(of: info.feature) { bits[name, default: []].insert(info.feature) }
            }
            let wrong = bits.filter { name, set in
                set.intersection(export.inexpressible).isEmpty && found[name] != nil
                    && found[name] != set.isSubset(of: model.features)
            }.map(\.key)
            if wrong.isEmpty { right += 1 } else { Issue.record("\(model.expression) as \(cpu.model): \(wrong)") }
        }
        print("QEMU: \(right) of \(models.count) exported arguments have the model's features")
        #expect(right == models.count)
    }

    @Test func everyArgumentIsAccepted() throws {
        let vocabulary = try vocabulary()
        let catalog = try Conformance.catalog()
        for version in catalog.models.flatMap(\.versions) {
            let model = try catalog.expand(ModelExpression(parsing: version.name), on: nil)
            let text = try QEMUCPU.exporting(model, catalog: catalog, vocabulary: vocabulary).export.text
            let complaint = try RealQEMU.complaint(text, acceleration: "tcg")
            #expect(complaint == nil, "\(version.name): \(text)")
        }
    }

    @Test(.enabled(if: hasKVM, "no /dev/kvm that may be opened"))
    func onThisHostEveryArgumentIsCleanUnderEnforce() throws {
        let vocabulary = try vocabulary()
        let catalog = try Conformance.catalog()
        let host = try HostCPU.probe()
        for version in catalog.models.flatMap(\.versions) {
            // QEMU before 9.0 gives a guest no hint of the CPU that KVM does not list.
            let unlisted = version.features.intersection(host.grantable)
                .subtracting(FeatureSet(table: host.supported, msrs: host.featureMSRs))
                .intersection(
                    FeatureSet(
                        ["erms", "fsrm", "fzrm", "fsrs", "fsrc"].compactMap {
                            FeatureRegistry.shared.feature(named: $0)
                        }))
            let changes = unlisted.map { ",-" + FeatureRegistry.shared.name(of: $0) }.joined()
            let model = try catalog.expand(ModelExpression(parsing: version.name + changes), on: host)
            let text = try QEMUCPU.exporting(
                model, catalog: catalog, isEnforced: true, vocabulary: vocabulary
            ).export.text
            let complaint = try RealQEMU.complaint(text, acceleration: "kvm")
            #expect(complaint == nil, "\(version.name): \(text): \(complaint ?? "")")
        }
    }
}
