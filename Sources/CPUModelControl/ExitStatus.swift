// SPDX-License-Identifier: Apache-2.0

public import CPUModelClient

/// What the exit status of `cpumodelctl` says.
public enum ExitStatus: Int32, Error, Sendable, CaseIterable {
    case success = 0
    case no = 1
    case usage = 2
    case noDaemon = 3
    case protocolFault = 4

    /// What it means, as the help tells it.
    public var meaning: String {
        switch self {
        case .success: "answered"
        case .no: "the answer is no: refused by the daemon, no match, or KVM cannot be used"
        case .usage: "a mistake on the command line, or in a file that it names"
        case .noDaemon: "the daemon cannot be reached, or did not answer"
        case .protocolFault: "the daemon's answer makes no sense, or the daemon has a fault"
        }
    }

    /// What the failure of a call comes down to.
    public init(_ error: ClientError) {
        switch error {
        case .connection: self = .noDaemon
        case .badAnswer: self = .protocolFault
        // badDocument: the document is from a file that the command line names.
        case .daemon(let error) where error.code == -32004: self = .usage
        // The parameters are from the command line (-32602), or the daemon's own rules were broken (-32099...-32000).
        case .daemon(let error) where error.code == -32602 || (-32099 ... -32000).contains(error.code): self = .no
        case .daemon: self = .protocolFault
        }
    }

    /// A line for each status, short enough for 80 columns.
    public static var help: String {
        "EXIT STATUS:\n" + allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n")
    }
}
