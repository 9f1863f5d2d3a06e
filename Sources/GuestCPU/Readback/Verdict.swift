// SPDX-License-Identifier: Apache-2.0

/// What KVM did with a table it accepted.
public enum Verdict: String, Sendable, Hashable, CaseIterable, Comparable {
    /// It holds exactly the table computed.
    case exact
    /// Only bits differ that KVM keeps up to date at run time, and they are as the vCPU's state makes them; which of
    /// them could not be predicted, because a part of the state is not known, the differences say.
    case runtime
    /// It holds another table.
    case altered

    /// The verdict on these differences.
    public init(_ differences: [TableDifference]) {
        if differences.isEmpty {
            self = .exact
        } else {
            self = differences.allSatisfy { $0.kind == .runtime } ? .runtime : .altered
        }
    }

    /// From best to worst.
    public static func < (left: Verdict, right: Verdict) -> Bool { left.severity < right.severity }

    private var severity: Int {
        switch self {
        case .exact: 0
        case .runtime: 1
        case .altered: 2
        }
    }
}
