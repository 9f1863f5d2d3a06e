// SPDX-License-Identifier: Apache-2.0

/// Who decided a bit of a guest's table, and why.
public struct Decision: Sendable, Hashable {
    /// Who decides bits.
    public enum Decider: String, Sendable, Hashable, CaseIterable {
        /// The model, in its latest version that changed the bit.
        case model
        /// What the host has, or has not.
        case host
        /// Another feature, which this one needs or excludes.
        case dependency
        /// The VM's owner: the expression, or an option of the request.
        case owner
        /// The VMM, over whose own table the model was laid.
        case vmm
        /// The arrangement of the vCPUs.
        case topology
        /// The vCPU itself: its APIC id and what follows from its place.
        case vcpu
        /// The rules of KVM's guests, whatever the model.
        case hypervisor
        /// KVM, which changed what it was given.
        case kvm
        /// The state of the running vCPU.
        case runtime
        /// The manuals, which leave no choice.
        case architecture
    }

    /// Who decided.
    public let decider: Decider
    /// Why, as words that can stand after a colon.
    public let reason: String

    /// A decision from its parts.
    public init(_ decider: Decider, _ reason: String) {
        self.decider = decider
        self.reason = reason
    }
}
