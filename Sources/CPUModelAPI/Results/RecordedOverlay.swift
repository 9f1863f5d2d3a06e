// SPDX-License-Identifier: Apache-2.0

public import GuestCPU
public import X86CPU

/// What is kept of an application that laid a model over tables that a VMM made itself.
public struct RecordedOverlay: Sendable, Hashable {
    /// What stayed as the VMM had it.
    public let kept: Set<OverlayPart>
    /// The VMM's own table of the VM's first vCPU. Those of the others differ from it in where a vCPU stands.
    public let base: CPUIDTable

    /// A record from its parts.
    public init(keeping kept: Set<OverlayPart>, base: CPUIDTable) {
        self.kept = kept
        self.base = base
    }

    static let schema = Schema.array(
        .choice(OverlayPart.allCases.map(\.rawValue), ""),
        "what stayed as the VMM had it, where the model was laid over the VMM's own tables")
}
