// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Models as the text of model files.
public enum CPUModelFile {
    /// The file that defines a model: read back, it gives a model of the same digest.
    ///
    /// Features stand in groups by meaning, wrapped for people. Text values lose line breaks and a backslash at their
    /// end, which the format has no place for.
    public static func text(of model: CPUModel) -> String {
        var writer = ModelWriter()
        writer.write(model)
        return writer.text
    }
}

private struct ModelWriter {
    private(set) var text = ""
    private let registry = FeatureRegistry.shared
    private let lineLength = 100

    mutating func write(_ model: CPUModel) {
        var previous = model.base.map { CPUModelVersion(model.name, from: $0, features: $0.features) }
        for version in model.versions {
            let isFirst = version.number == 1
            line(isFirst ? "[Model]" : "\n[Version]")
            if isFirst {
                line("Name", model.name)
                line("Extends", model.base?.name)
            } else {
                line("Number", "\(version.number)")
                line("Alias", version.alias)
            }
            writeValues(of: version, after: previous)
            line("Note", isFirst ? model.note : version.note)
            writeDeprecation(of: version, after: previous)
            if let previous {
                writeFeatures("Add", version.features.subtracting(previous.features))
                writeFeatures("Remove", previous.features.subtracting(version.features))
            } else {
                writeFeatures("Features", version.features)
            }
            previous = version
        }
        for table in model.ownCaches { write(table) }
    }

    /// What differs from the version before; without one, everything.
    private mutating func writeValues(of version: CPUModelVersion, after previous: CPUModelVersion?) {
        func changed<T: Equatable>(_ value: KeyPath<CPUModelVersion, T>) -> Bool {
            previous.map { $0[keyPath: value] != version[keyPath: value] } ?? true
        }
        if changed(\.vendor) || changed(\.takesHostVendor) {
            line("Vendor", version.takesHostVendor ? "host" : version.vendor.description)
        }
        if changed(\.signature.family) { line("Family", "\(version.signature.family)") }
        if changed(\.signature.model) { line("Model", "\(version.signature.model)") }
        if changed(\.signature.stepping) { line("Stepping", "\(version.signature.stepping)") }
        if changed(\.description) { line("Description", version.description) }
        if changed(\.level) { line("Level", hexadecimal(version.level)) }
        if changed(\.extendedLevel) { line("ExtendedLevel", hexadecimal(version.extendedLevel)) }
        if (previous?.caches) != version.caches { line("Caches", version.caches?.name ?? "") }
        if (previous?.forcesLeaf1F ?? false) != version.forcesLeaf1F {
            line("Leaf0x1F", version.forcesLeaf1F ? "yes" : "no")
        }
        if (previous?.avx10Version ?? 0) != version.avx10Version { line("AVX10", "\(version.avx10Version)") }
    }

    private mutating func writeDeprecation(of version: CPUModelVersion, after previous: CPUModelVersion?) {
        if previous?.deprecation != version.deprecation || previous?.replacement != version.replacement {
            line("Deprecated", version.deprecation ?? "")
            line("Replacement", version.replacement)
        }
    }

    private mutating func writeFeatures(_ key: String, _ features: FeatureSet) {
        for group in registry.grouped(features) {
            if key == "Features" {
                let isNestedSVM = group.features.contains(.svm)
                line("\n# \(group.title)\(isNestedSVM ? "; idle without svm, which has to be asked for" : "").")
            }
            var words = ""
            for feature in group.features {
                let word = fileName(of: feature)
                if !words.isEmpty, key.count + 1 + words.count + 1 + word.count > lineLength {
                    line(key, words)
                    words = ""
                }
                words += words.isEmpty ? word : " \(word)"
            }
            line(key, words)
        }
    }

    /// The feature's name, or its position as a word.
    private func fileName(of feature: Feature) -> String {
        String(registry.name(of: feature).map { $0 == " " ? "." : $0 })
    }

    private mutating func write(_ table: CacheHierarchy) {
        line("\n[Caches]")
        line("Name", table.name)
        for (key, cache) in [("L1d", table.l1d), ("L1i", table.l1i), ("L2", table.l2), ("L3", table.l3)] {
            line(key, cache?.fileText)
        }
    }

    private mutating func line(_ key: String, _ value: String?) {
        guard let value else { return }
        let plain = String(value.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
        line("\(key)=\(plain.trimmed)")
    }

    private mutating func line(_ line: String) { text += "\(line)\n" }

    private func hexadecimal(_ value: UInt32) -> String {
        value == 0 ? "0" : "0x\(String(value, radix: 16, uppercase: true))"
    }
}

extension Cache {
    /// The cache as the value of a line in a section `[Caches]`.
    fileprivate var fileText: String {
        var words = [sizeText, "\(ways)-way", "\(lineSize)B"]
        if partitions != 1 { words.append("partitions=\(partitions)") }
        words.append("shared=\(scope.rawValue)")
        if linesPerTag != 0 { words.append("lines-per-tag=\(linesPerTag)") }
        if isSelfInitializing { words.append("self-init") }
        if invalidatesNoSharers { words.append("no-invd-sharing") }
        if isInclusive { words.append("inclusive") }
        if hasComplexIndexing { words.append("complex-indexing") }
        return words.joined(separator: " ")
    }

    private var sizeText: String {
        if size.isMultiple(of: 1 << 20) { return "\(size >> 20)M" }
        if size.isMultiple(of: 1 << 10) { return "\(size >> 10)K" }
        return "\(size)"
    }
}

extension String {
    /// Without the space around it, and without backslashes at its end, which would join the next line to it.
    fileprivate var trimmed: String {
        let end = reversed().drop { $0 == " " || $0 == "\\" }
        return String(String(end.reversed()).drop { $0 == " " })
    }
}
