// SPDX-License-Identifier: Apache-2.0

/// What to do about features that a model names and the host cannot give.
public enum UnavailablePolicy: String, Sendable, CaseIterable {
    /// Refuse: a VM must not start on a CPU that nobody asked for.
    case fail
    /// Leave them out, and say so.
    case drop

    static let schema = Schema.choice(
        allCases.map(\.rawValue), "what to do about features that the host cannot give; \"fail\" when left out")
}

/// Who is to make the ioctls in the process that owns the VM.
public enum ExecutorChoice: String, Sendable, CaseIterable {
    /// The process itself; cpumodeld-inject when it answers that it does not know `owner.execute`.
    case auto
    /// The process itself.
    case owner
    /// cpumodeld-inject.
    case inject

    static let schema = Schema.choice(
        allCases.map(\.rawValue), "who makes the ioctls in the process that owns the VM; \"auto\" when left out")
}

/// What to do when KVM changed the table it was given.
public enum AlteredPolicy: String, Sendable, CaseIterable {
    /// Put the old tables back, and refuse.
    case fail
    /// Keep what KVM made of it, and say what that is.
    case accept

    static let schema = Schema.choice(
        allCases.map(\.rawValue), "what to do when KVM changed the table; \"fail\" when left out")
}
