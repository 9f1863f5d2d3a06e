// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Where a version stands among the others; the greater, the better. ``ModelDetector`` says in which order the points
/// count.
struct DetectionMerit: Comparable {
    let isSameVendor: Bool
    let kinship: Detection.Kinship
    let distance: Int
    private let isWhole: Bool
    private let isTheOne: Bool
    private let isTrusted: Bool
    private let taken: Int
    private let isPreferred: Bool
    private let idle: Int
    private let count: Int
    private let number: Int

    init(_ entry: DetectionEntry, _ input: DetectionInput, _ blockers: DetectionWords, _ options: DetectionOptions) {
        let tally = Tally(entry, input, blockers)
        isSameVendor = entry.suits(input.vendor)
        kinship = entry.kinship(input)
        taken = tally.roots + tally.misleading + tally.blocked
        distance = tally.added + 2 * taken
        isWhole = options.purpose == .guest || taken == 0
        isPreferred = !options.preferred.isEmpty && entry.names.contains { options.preferred.contains($0) }
        isTheOne = isPreferred && options.preferred.count == 1
        isTrusted = kinship != .none && 2 * tally.removed < entry.count - tally.idle
        idle = tally.idle
        count = entry.count
        number = entry.version.number
    }

    static func < (left: DetectionMerit, right: DetectionMerit) -> Bool {
        if left.isSameVendor != right.isSameVendor { return right.isSameVendor }
        if left.isWhole != right.isWhole { return right.isWhole }
        if left.isTheOne != right.isTheOne { return right.isTheOne }
        if left.isTrusted != right.isTrusted { return right.isTrusted }
        if left.distance != right.distance { return left.distance > right.distance }
        if left.taken != right.taken { return left.taken > right.taken }
        if left.isPreferred != right.isPreferred { return right.isPreferred }
        if left.idle != right.idle { return left.idle > right.idle }
        if left.count != right.count { return left.count < right.count }
        return left.number < right.number
    }
}

/// How many features differ between a CPU and a version, by what the difference is.
private struct Tally {
    /// The CPU has them, the version does not.
    var added = 0
    /// The version has them, and the CPU does not.
    var removed = 0
    /// Those of the removed that do not merely follow another.
    var roots = 0
    /// The version has them, and nobody would see them.
    var idle = 0
    /// Both have them, and the name should not be chosen for it.
    var misleading = 0
    /// Both have them, and they cannot be had with the name.
    var blocked = 0

    /// - Parameter blockers: no words where there are none.
    init(_ entry: DetectionEntry, _ input: DetectionInput, _ blockers: DetectionWords) {
        added = input.outside
        for index in entry.words.indices {
            let (model, cpu) = (entry.words[index], input.words[index])
            let ignored = input.ignored[index]
            added += (cpu & ~model & ~ignored).nonzeroBitCount
            if ignored != 0 { misleading += (model & cpu & ignored).nonzeroBitCount }
            let missing = model & ~cpu
            if missing == 0 { continue }
            let unseen = missing & (input.untold[index] | entry.dormant[index] & input.unmet[index])
            let taken = missing & ~unseen
            removed += taken.nonzeroBitCount
            roots += (taken & ~input.unmet[index]).nonzeroBitCount
            idle += unseen.nonzeroBitCount
        }
        for index in blockers.indices {
            blocked += (blockers[index] & entry.words[index] & input.words[index]).nonzeroBitCount
        }
    }
}

extension Detection.Candidate {
    /// A version as the answer, with the features that the tally only counts.
    init(_ entry: DetectionEntry, _ input: DetectionInput, _ blockers: FeatureSet, _ merit: DetectionMerit) {
        let (model, cpu) = (entry.version.features, input.features)
        let missing = model.subtracting(cpu)
        let asleep = entry.dormantFeatures.intersection(input.sets.unmet)
        let idle = missing.intersection(input.sets.untold.union(asleep))
        self.init(
            version: entry.version, added: cpu.subtracting(model), removed: missing.subtracting(idle), idle: idle,
            blocked: blockers.intersection(model).intersection(cpu), kinship: merit.kinship,
            isSameVendor: merit.isSameVendor, distance: merit.distance)
    }
}
