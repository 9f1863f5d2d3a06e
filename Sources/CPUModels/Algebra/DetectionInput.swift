// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// A CPU, and what detection has to know of it for every model.
final class DetectionInput: Sendable {
    /// The vendor; nil where none is told.
    let vendor: CPUVendor?
    /// The signature; nil where it or the vendor is not told, for one means nothing without the other.
    let signature: CPUSignature?
    /// The design; nil where it is not known.
    let design: Microarchitecture?
    /// Whether it is a guest's CPU, whose signature is that of its model.
    let isGuest: Bool
    /// The words of the features.
    let words: [UInt64]
    /// The words of which nothing is known.
    let untold: [UInt64]
    /// The features that need another which the CPU lacks.
    let unmet: [UInt64]
    /// Features that the CPU shows but that no name should be chosen by.
    let ignored: [UInt64]

    init(_ cpu: CPUDescription) {
        vendor = cpu.vendor
        if let vendor = cpu.vendor, let signature = cpu.signature {
            self.signature = signature
            design = Microarchitecture(vendor, signature)
        } else {
            signature = nil
            design = nil
        }
        words = cpu.features.words
        untold = cpu.untold.words
        unmet = cpu.features.unmet.words
        isGuest = cpu.origin == .model || cpu.origin == .table && cpu.features.contains(.hypervisor)
        let isBroken = vendor == .intel && signature?.hasBrokenTSX == true
        ignored = (isBroken && !isGuest ? FeatureSet.tsx : []).words
    }
}

/// A feature and what it needs, one of each row.
private struct Needs: Sendable {
    let feature: Feature
    let rows: [[Feature]]

    static let all: [Needs] = FeatureRegistry.shared.all.compactMap { info in
        let rows = info.needs.filter { !$0.isPolicy }.map(\.anyOf)
        return rows.isEmpty ? nil : Needs(feature: info.feature, rows: rows)
    }
}

extension FeatureSet {
    /// The features that would not work beside these alone: one of their needs is not met.
    fileprivate var unmet: FeatureSet {
        var result = FeatureSet()
        for needs in Needs.all where !needs.rows.allSatisfy({ $0.contains { self.contains($0) } }) {
            result.insert(needs.feature)
        }
        return result
    }
}
