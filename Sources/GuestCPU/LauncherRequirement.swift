// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What a launcher has to do itself, before it creates its first vCPU, for a guest's table to be taken.
public enum LauncherRequirement: Sendable, Hashable, CaseIterable {
    /// Permission for XTILEDATA, state component 18, in guests: `arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, 18)`. Without it
    /// KVM_SET_CPUID2 of a table with the component fails with EPERM, and once the process has a vCPU the permission
    /// can no longer be had (Linux, Documentation/arch/x86/xstate.rst).
    case tileDataPermission

    /// What these features require.
    public static func all(of features: FeatureSet) -> [LauncherRequirement] {
        features.contains(.amxTile) ? [.tileDataPermission] : []
    }

    /// The state component.
    public var component: Int { 18 }

    /// The call that meets the requirement.
    public var call: String { "arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM, 18)" }

    /// A sentence for a person.
    public var description: String {
        "The guest has AMX: the launcher must call \(call) before it creates its first vCPU."
    }
}
