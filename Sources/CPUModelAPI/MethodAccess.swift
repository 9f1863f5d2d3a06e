// SPDX-License-Identifier: Apache-2.0

/// What somebody may or may not do: the unit in which an administrator gives rights.
public enum Action: String, Sendable, CaseIterable {
    /// Ask about models, hosts and VMs.
    case query
    /// Give a VM its CPU.
    case apply
    /// Define and remove models.
    case define
    /// Drop VMs of other users from the registry.
    case forget
    /// Have cpumodeld-inject run jobs.
    case inject
}

/// Who may call a method.
public enum MethodAccess: Sendable, Hashable {
    /// Whoever may do this.
    case action(Action)
    /// Whoever may do this; and, whatever the rules are, the user whose VM the parameter `vm` names.
    case ownerOr(Action)

    /// The action that it takes of those who do not own the VM.
    public var action: Action {
        switch self {
        case .action(let action), .ownerOr(let action): action
        }
    }

    /// Whether the owner of the VM needs no permission.
    public var includesOwner: Bool {
        switch self {
        case .action: false
        case .ownerOr: true
        }
    }
}
