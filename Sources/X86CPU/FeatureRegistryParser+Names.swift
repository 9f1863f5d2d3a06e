// SPDX-License-Identifier: Apache-2.0

// What can be read only when all features are known: names, and the lines that use them.
extension FeatureRegistryParser {
    /// Fills the table of names: first the features' own, then the projects' spellings, which must not be ambiguous.
    mutating func collectNames() {
        byName.reserveCapacity(2 * pending.count)
        var seen = FeatureSet()
        var accepted: [PendingFeature] = []
        accepted.reserveCapacity(pending.count)
        for entry in pending {
            line = entry.line
            let name = FeatureRegistry.normalized(entry.name)
            if seen.contains(entry.feature) {
                report("\(entry.feature) stands in an earlier line already.")
            } else if let other = byName[name] {
                report("The name \(entry.name) is taken by \(other).")
            } else {
                byName[name] = entry.feature
                seen.insert(entry.feature)
                accepted.append(entry)
            }
        }
        pending = accepted
        let names = byName
        for entry in pending {
            for (_, spelling) in entry.spellings where spelling != entry.name {
                let spelling = FeatureRegistry.normalized(spelling)
                if names[spelling] != nil { continue }
                if let other = byName.updateValue(entry.feature, forKey: spelling), other != entry.feature {
                    line = entry.line
                    report("\(spelling) could be \(entry.feature) or \(other); make it the name of one.")
                }
            }
        }
    }

    mutating func resolved(_ entry: PendingFeature) -> FeatureInfo {
        line = entry.line
        var needs: [FeatureNeed] = []
        for need in entry.needs {
            let features = lookUp(need.names)
            if features.count == need.names.count {
                needs.append(FeatureNeed(anyOf: features, sources: need.sources, isPolicy: need.isPolicy))
            }
        }
        return FeatureInfo(
            feature: entry.feature, name: entry.name, spellings: entry.spellings, needs: needs, flags: entry.flags,
            xenGuests: entry.xenGuests)
    }

    mutating func readComponent(_ words: [Range<Int>]) {
        var values: [String: Range<Int>] = [:]
        for word in words.dropFirst(2) {
            let equals = position(of: "=", in: word)
            values[text(word.lowerBound..<equals)] = min(equals + 1, word.upperBound)..<word.upperBound
        }
        let enabledBy = lookUp(values["by"].map { split($0, "|").map(text) } ?? [])
        guard words.count > 2, let number = UInt8(text(words[0])), number < 63, !enabledBy.isEmpty,
            let size = values["size"].flatMap({ UInt32(text($0)) })
        else {
            return report("A component is written NUMBER NAME size=BYTES by=FEATURE.")
        }
        components.append(
            XSaveComponent(
                number: number, name: text(words[1]), size: size,
                standardOffset: values["offset"].flatMap { UInt32(text($0)) }, enabledBy: enabledBy,
                isSupervisor: values["supervisor"] != nil, isAligned: values["align64"] != nil))
    }

    mutating func readConflict(_ words: [Range<Int>]) {
        let features = lookUp(words.map(text))
        guard features.count == 2 else { return report("A conflict is two features.") }
        conflicts.append(FeatureRegistry.Conflict(first: features[0], second: features[1]))
    }

    mutating func readGroup(_ words: [Range<Int>], _ position: Int) {
        groups[position].features += lookUp(words.map(text))
    }

    private mutating func lookUp(_ names: [String]) -> [Feature] {
        names.compactMap { name in
            if let feature = byName[FeatureRegistry.normalized(name)] { return feature }
            report("There is no feature \(name).")
            return nil
        }
    }
}
