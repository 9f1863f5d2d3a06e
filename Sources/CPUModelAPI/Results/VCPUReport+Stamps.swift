// SPDX-License-Identifier: Apache-2.0

public import GuestCPU

extension VCPUReport {
    /// vCPUs with the same stamp: those that are the same CPU, APIC ids apart.
    public struct StampGroup: Sendable {
        /// What they share.
        public let stamp: Stamp
        /// One of them, by its place in topology order.
        public let first: Int
        /// How many they are.
        public fileprivate(set) var count: Int
    }

    /// The vCPUs by stamp, in the order in which the stamps occur: one group where all are the same CPU, as they should
    /// be.
    public var stampGroups: [StampGroup] {
        var groups: [StampGroup] = []
        for vcpu in vcpus {
            if let position = groups.lastIndex(where: { $0.stamp == vcpu.stamp }) {
                groups[position].count += 1
            } else {
                groups.append(StampGroup(stamp: vcpu.stamp, first: vcpu.index, count: 1))
            }
        }
        return groups
    }
}
