// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Reactor

/// Descriptors that have arrived and that no request has taken yet, first in first out.
struct DescriptorQueue {
    private var descriptors: [SharedDescriptor] = []

    var count: Int { descriptors.count }
    var isEmpty: Bool { descriptors.isEmpty }

    /// Takes ownership of descriptors that have arrived.
    mutating func append(owning numbers: some Sequence<CInt>) {
        descriptors.append(contentsOf: numbers.map({ SharedDescriptor(owning: $0) }))
    }

    /// Takes the first `count` out; `nil`, and none, when there are fewer.
    mutating func take(_ count: Int) -> [SharedDescriptor]? {
        guard count > 0 else { return [] }
        guard count <= descriptors.count else { return nil }
        let taken = Array(descriptors.prefix(count))
        descriptors.removeFirst(count)
        return taken
    }

    /// Closes all of them.
    mutating func closeAll() {
        descriptors.removeAll()
    }
}
