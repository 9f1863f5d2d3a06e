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
    /// The features.
    let features: FeatureSet
    let words: DetectionWords
    /// How many of them lie outside the scope, and so are added to whatever version.
    let outside: Int
    /// What nothing is known of.
    let untold: DetectionWords
    /// The features of versions that need another which the CPU lacks.
    let unmet: DetectionWords
    /// Features that the CPU shows but that no name should be chosen by.
    let ignored: DetectionWords
    /// The same three as sets.
    let sets: (untold: FeatureSet, unmet: FeatureSet, ignored: FeatureSet)

    init(_ cpu: CPUDescription, _ scope: DetectionScope) {
        vendor = cpu.vendor
        if let vendor = cpu.vendor, let signature = cpu.signature {
            self.signature = signature
            design = Microarchitecture(vendor, signature)
        } else {
            signature = nil
            design = nil
        }
        isGuest = cpu.origin == .model || cpu.origin == .table && cpu.features.contains(.hypervisor)
        let isBroken = vendor == .intel && signature?.hasBrokenTSX == true
        sets = (cpu.untold, scope.unmet(beside: cpu.features), isBroken && !isGuest ? .tsx : [])
        features = cpu.features
        words = scope.words(of: features)
        outside = scope.countOutside(of: features.subtracting(sets.ignored))
        untold = scope.words(of: sets.untold)
        unmet = scope.words(of: sets.unmet)
        ignored = scope.words(of: sets.ignored)
    }
}
