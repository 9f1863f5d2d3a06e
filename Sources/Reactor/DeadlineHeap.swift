// SPDX-License-Identifier: Apache-2.0

/// Deadlines with the earliest in front: a binary heap. Those of the same time come out in the order they went in.
struct DeadlineHeap {
    struct Entry: Comparable {
        /// Nanoseconds on CLOCK_MONOTONIC.
        var deadline: UInt64
        var identifier: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.identifier) < (right.deadline, right.identifier)
        }
    }

    private var entries: [Entry] = []

    var count: Int { entries.count }
    var first: Entry? { entries.first }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child] < entries[parent] else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < entries.count else { break }
            let right = left + 1
            let child = right < entries.count && entries[right] < entries[left] ? right : left
            guard entries[child] < entries[parent] else { break }
            entries.swapAt(child, parent)
            parent = child
        }
    }

    /// Removes the entries that the predicate rejects.
    mutating func keep(where isWanted: (Entry) -> Bool) {
        // A sorted array is a heap.
        entries = entries.filter(isWanted).sorted()
    }
}
