// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// The most that guests can be given who are to run on any of several CPUs.
///
/// Every feature goes by its ``PoolRule``, every number and width by the least; then whatever does not work without a
/// feature that is gone goes too. The order of the CPUs does not matter, nor whether some of them were pooled before.
public struct Baseline: Sendable, Hashable {
    /// What some of the CPUs have and the pool has not, and who is to blame.
    public struct Limit: Sendable, Hashable {
        /// The feature.
        public let feature: Feature
        /// How many of the CPUs lack it. None, when it went because it does not work without another that went.
        public let count: Int
        /// The place of the first of those in the list of CPUs; nil when none lacks it.
        public let first: Int?
    }

    /// What to do with what cannot be pooled as it is.
    public struct Options: Sendable, Hashable {
        /// Whether CPUs of several vendors give a pool without vendor; otherwise they are an error. A CPU that tells no
        /// vendor is no error, and leaves the pool without one.
        public var mixesVendors: Bool
        /// Whether features that keep a guest where it is, such as invtsc, are left out.
        public var onlyMigratable: Bool

        /// Options; by themselves one vendor, and all features.
        public init(mixesVendors: Bool = false, onlyMigratable: Bool = false) {
            self.mixesVendors = mixesVendors
            self.onlyMigratable = onlyMigratable
        }
    }

    /// The pool as a CPU: what new VMs can be offered. It has a vendor and a signature as far as all agree on them, the
    /// least stepping where only that differs.
    public let cpu: CPUDescription
    /// What a VM that comes from elsewhere may have: all the CPUs can run a guest with these features, though some are
    /// not to be offered to new ones. The difference is what Xen has between its "max" and "default" policies.
    public let receivable: FeatureSet
    /// The features that the pool lost, by word and bit.
    public let limits: [Limit]

    /// What may come with a VM, but is not to be offered to new ones.
    public var notOffered: FeatureSet { receivable.subtracting(cpu.features) }

    /// The baseline of these CPUs.
    ///
    /// - Throws: ``BaselineError`` when there are none, or their vendors differ.
    public init(of cpus: [CPUDescription], options: Options = Options()) throws(BaselineError) {
        guard let first = cpus.first else { throw .noCPUs }
        var pool = Pool(first)
        var told: (name: String, vendor: CPUVendor)?
        // By index: a description has two kilobytes, which a loop over the array would copy.
        for index in cpus.indices {
            if let vendor = cpus[index].vendor, !options.mixesVendors {
                let name = cpus[index].name
                if let told, told.vendor != vendor { throw .vendorsDiffer(told.name, told.vendor, name, vendor) }
                told = told ?? (name, vendor)
            }
            pool.add(cpus[index])
        }
        let features = pool.offered(onlyMigratable: options.onlyMigratable)
        receivable = pool.receivable
        cpu = pool.description(name: cpus.count == 1 ? first.name : "a pool of \(cpus.count)", features: features)
        let lost = pool.union.intersection(FeatureRegistry.shared.named).subtracting(features)
        limits = Self.limits(lost, cpus)
    }

    private static func limits(_ lost: FeatureSet, _ cpus: [CPUDescription]) -> [Limit] {
        let features = Array(lost)
        guard !features.isEmpty else { return [] }
        let words = lost.words
        // Where the features of each word begin in the list.
        var starts: [Int] = []
        var start = 0
        for word in words {
            starts.append(start)
            start += word.nonzeroBitCount
        }
        var counts = [Int](repeating: 0, count: features.count)
        var firsts = [Int?](repeating: nil, count: features.count)
        let affected = words.indices.filter { words[$0] != 0 }
        for position in cpus.indices {
            for index in affected {
                let word = FeatureWord.every[index]
                var lacking = words[index] & ~cpus[position].features[word]
                while lacking != 0 {
                    let below = words[index] & (1 << UInt64(lacking.trailingZeroBitCount) - 1)
                    let place = starts[index] + below.nonzeroBitCount
                    if counts[place] == 0 { firsts[place] = position }
                    counts[place] += 1
                    lacking &= lacking - 1
                }
            }
        }
        return features.indices.map { Limit(feature: features[$0], count: counts[$0], first: firsts[$0]) }
    }
}

/// Why there is no baseline.
public enum BaselineError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There are no CPUs: what is common to none would be everything.
    case noCPUs
    /// Two CPUs, by name, are of different vendors.
    case vendorsDiffer(String, CPUVendor, String, CPUVendor)

    /// What is wrong, as a sentence.
    public var description: String {
        switch self {
        case .noCPUs: "A baseline needs at least one CPU."
        case .vendorsDiffer(let first, let vendor, let second, let other):
            "\(first) is \(vendor) and \(second) is \(other): no guest can move between them."
        }
    }
}
