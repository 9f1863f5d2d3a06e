// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Reactor

@Suite("Heap of deadlines")
struct DeadlineHeapTests {
    private func drain(_ heap: DeadlineHeap) -> [DeadlineHeap.Entry] {
        var heap = heap
        var entries: [DeadlineHeap.Entry] = []
        while let first = heap.first {
            entries.append(first)
            heap.removeFirst()
        }
        return entries
    }

    private func randomEntries(_ count: Int) -> [DeadlineHeap.Entry] {
        (0..<count).map { .init(deadline: .random(in: 0...50), identifier: UInt64($0)) }
    }

    @Test(arguments: [0, 1, 2, 3, 10, 500])
    func entriesComeOutSorted(count: Int) {
        let entries = randomEntries(count)
        var heap = DeadlineHeap()
        for entry in entries { heap.insert(entry) }
        #expect(heap.count == count)
        #expect(drain(heap) == entries.sorted())
    }

    @Test func whatIsKeptStaysSorted() {
        let entries = randomEntries(300)
        var heap = DeadlineHeap()
        for entry in entries.prefix(200) { heap.insert(entry) }
        heap.keep { $0.identifier % 3 == 0 }
        for entry in entries.dropFirst(200) { heap.insert(entry) }
        #expect(drain(heap) == entries.filter { $0.identifier >= 200 || $0.identifier % 3 == 0 }.sorted())
    }
}
