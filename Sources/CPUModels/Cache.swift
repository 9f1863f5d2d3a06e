// SPDX-License-Identifier: Apache-2.0

/// One cache of a CPU model, with all that leaves 4 and 0x8000001D tell of it.
///
/// Intel SDM volume 2, CPUID leaf 4; AMD APM volume 3, appendix E, leaf 0x8000001D.
public struct Cache: Sendable, Hashable {
    /// What a cache holds. The raw value is that of the leaf, EAX[4:0].
    public enum Kind: UInt8, Sendable, Hashable {
        /// Data only.
        case data = 1
        /// Instructions only.
        case instruction = 2
        /// Both.
        case unified = 3
    }

    /// The part of the topology whose threads share a cache.
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        case thread, core, module, die, socket
    }

    /// What the cache holds.
    public var kind: Kind
    /// The level, from 1; EAX[7:5].
    public var level: UInt8
    /// The size in bytes: line size x partitions x ways x sets.
    public var size: UInt32
    /// Bytes of a line, EBX[11:0] + 1.
    public var lineSize: UInt32
    /// Ways of associativity, EBX[31:22] + 1.
    public var ways: UInt32
    /// Physical line partitions, EBX[21:12] + 1.
    public var partitions: UInt32
    /// Sets, ECX + 1.
    public var sets: UInt32
    /// Lines per tag, for AMD's leaves 0x80000005 and 0x80000006; 0 where they do not tell.
    public var linesPerTag: UInt8
    /// Whether the level needs no software initialisation, EAX[8].
    public var isSelfInitializing: Bool
    /// Whether WBINVD leaves caches below of other threads alone, EDX[0].
    public var invalidatesNoSharers: Bool
    /// Whether it holds all that the lower levels hold, EDX[1].
    public var isInclusive: Bool
    /// Whether a complex function, and not address bits alone, selects the set, EDX[2].
    public var hasComplexIndexing: Bool
    /// Whose threads share the cache.
    public var scope: Scope

    /// A cache from its parts.
    public init(
        kind: Kind, level: UInt8, size: UInt32, lineSize: UInt32, ways: UInt32, partitions: UInt32 = 1, sets: UInt32,
        linesPerTag: UInt8 = 0, isSelfInitializing: Bool = false, invalidatesNoSharers: Bool = false,
        isInclusive: Bool = false, hasComplexIndexing: Bool = false, scope: Scope
    ) {
        self.kind = kind
        self.level = level
        self.size = size
        self.lineSize = lineSize
        self.ways = ways
        self.partitions = partitions
        self.sets = sets
        self.linesPerTag = linesPerTag
        self.isSelfInitializing = isSelfInitializing
        self.invalidatesNoSharers = invalidatesNoSharers
        self.isInclusive = isInclusive
        self.hasComplexIndexing = hasComplexIndexing
        self.scope = scope
    }
}

/// The caches of a CPU model, under the name that model files use for them.
public struct CacheHierarchy: Sendable, Hashable {
    /// The name, for example `epyc-milan`.
    public let name: String
    /// The first level's data cache.
    public var l1d: Cache
    /// The first level's instruction cache.
    public var l1i: Cache
    /// The second level; nil where there is none.
    public var l2: Cache?
    /// The third level; nil where there is none.
    public var l3: Cache?

    /// Caches under a name.
    public init(name: String, l1d: Cache, l1i: Cache, l2: Cache?, l3: Cache?) {
        self.name = name
        self.l1d = l1d
        self.l1i = l1i
        self.l2 = l2
        self.l3 = l3
    }

    /// All caches, in the order in which the leaves list them.
    public var all: [Cache] { [l1d, l1i] + [l2, l3].compactMap { $0 } }
}
