// SPDX-License-Identifier: Apache-2.0

import JSONRPC
import Systemd

/// Something that an operator may want to know later: a message, a place in the journal's catalog, and fields to search
/// by.
public struct Event: Sendable {
    /// What happened. Each has a MESSAGE_ID, and an entry in the message catalog that says what to do.
    public enum Kind: String, Sendable, CaseIterable {
        /// The daemon serves requests.
        case ready
        /// The daemon ends.
        case stopping
        /// Models and configuration were read anew.
        case reloaded
        /// They could not be, and the old ones stay in force.
        case reloadFailed = "reload-failed"
        /// A file of models is wrong, and left out.
        case modelRefused = "model-refused"
        /// A setting was changed that a reload cannot put in force.
        case restartNeeded = "restart-needed"
        /// KVM cannot be used on this host.
        case hostUnavailable = "host-unavailable"
        /// The host's KVM is not what it was when the daemon last ran, and guests can have all that they could.
        case hostChanged = "host-changed"
        /// The host's KVM is not what it was when the daemon last ran, and guests can have less.
        case hostLost = "host-lost"
        /// What the host was like before is not known, or cannot be kept.
        case hostHistoryFailed = "host-history-failed"
        /// KVM can be used, after it could not be at first.
        case hostAvailable = "host-available"
        /// A VM has its CPU.
        case vmApplied = "vm-applied"
        /// A VM did not get its CPU.
        case vmRefused = "vm-refused"
        /// One thing that KVM changed in a VM's tables.
        case vmDifference = "vm-difference"
        /// A registered VM's owner ended.
        case vmGone = "vm-gone"
        /// A VM has something else than what was recorded when its tables were applied.
        case vmDrifted = "vm-drifted"
        /// It has again what was recorded.
        case vmRecovered = "vm-recovered"
        /// A VM was dropped from the registry on request.
        case vmForgotten = "vm-forgotten"
        /// VMs that were registered before the daemon was restarted are known again.
        case restored
        /// A file of the state is none, or of a newer format.
        case stateUnreadable = "state-unreadable"
        /// VMs cannot be kept over restarts.
        case stateFailed = "state-failed"
        /// A model was defined at run time, or changed.
        case modelDefined = "model-defined"
        /// A model that was defined at run time was removed.
        case modelRemoved = "model-removed"
        /// A file for other programs cannot be written.
        case fileNotWritten = "file-not-written"
        /// A request failed in a way that is the daemon's own fault.
        case internalError = "internal-error"
        /// Events were counted in place of being recorded, as there were too many of the kind.
        case suppressed
        /// A request was refused since its sender may not make it.
        case accessRefused = "access-refused"
        /// A client was turned away or broke the protocol.
        case clientRefused = "client-refused"
        /// Events before this one were lost, since nobody read them.
        case eventsLost = "events-lost"

        /// MESSAGE_ID, 128 random bits (sd-id128(3)).
        var messageID: String {
            switch self {
            case .ready: "5b0a1c8e6c6f4f0c9b0f4d2f8f5b6a01"
            case .stopping: "c1de0a3c8a7d4b4fb6ab7c40a4a3ce02"
            case .reloaded: "8e2d6b1fd3c94c46a0f37d2f19a7e503"
            case .reloadFailed: "f7a9c3e05be148a18b2fd6c0f9f31b04"
            case .modelRefused: "bd9e774a44924faab01bb000fd276eac"
            case .restartNeeded: "4f0a6d1c93e84b57a1d2c60b8f7e350c"
            case .hostUnavailable: "27d4b96ef2414f1f9c83a40e5cb0d805"
            case .hostChanged: "a3f1c07e5b9d4e2f8c6a1d0b7e4f930c"
            case .hostLost: "5d8e2b4c9f017a63b1c8e5d2f7a0460d"
            case .hostHistoryFailed: "e17c5a9b3d6f4082a5b0c9e8d4f2710e"
            case .vmApplied: "a43f0d7b19cc4f02a1f6b0c27e88f506"
            case .vmRefused: "d90b2e7c63f94a1bb5be0f4a5c2d1707"
            case .vmDifference: "6fc1b8a2e44d4c3f8e0a9d7b3f5c2608"
            case .vmGone: "b2e85d0f7a1c4e9d9f4b6c3a8d2e7109"
            case .vmDrifted: "5e2b90c47d164b5f8a3c6f1d0b9e4a0c"
            case .vmRecovered: "71d4a8f2c3be4e06b5d97a1f2e8c630d"
            case .vmForgotten: "3a7c9e1b5d2f4a6c8b0e4f7d1c9a350a"
            case .restored: "e07f3b5a92d84c1d8b6e4a0f7c31d50e"
            case .stateUnreadable: "4c8d1e6f0ab2473e9d5c7b3a8e2f610f"
            case .stateFailed: "b6a29f4d7e0c4c58a1f38d6b5e9c7210"
            case .modelDefined: "e1a4c95d70b8462f9d3be8716f0c5a10"
            case .modelRemoved: "0d7f62b4a8e94c1db2670f5e39a1c411"
            case .fileNotWritten: "b53e0c7a19f64d28a4f1967d80ce2b12"
            case .internalError: "64f8d1a3e2074b9c8e5d0b7261fa9c13"
            case .suppressed: "f29b7e50c46d418ab83157e0ad9c6414"
            case .accessRefused: "c86b1f0e94d24a7fb3e05a7d916c2f0d"
            case .clientRefused: "9d4e6f1a2b8c4d7e8f3a5b0c6d1e270b"
            case .hostAvailable: "c3f16a9e58d24b07a1e49d0b7c62f811"
            case .eventsLost: "0f5d2b7c9a314e86b8c17e4a6d93f512"
            }
        }

        /// Whether anybody who can connect can cause as many as they like. Those are limited (``EventRateLimit``); what happens
        /// to VMs never is.
        var isNoise: Bool {
            switch self {
            case .clientRefused, .accessRefused, .internalError: true
            default: false
            }
        }

        var priority: JournalEntry.Priority {
            switch self {
            case .ready, .stopping, .reloaded, .vmGone, .vmForgotten, .vmRecovered, .restored, .suppressed,
                .hostAvailable:
                .info
            case .vmApplied, .modelDefined, .modelRemoved, .hostChanged: .notice
            case .vmDifference: .info
            case .vmRefused, .clientRefused, .accessRefused, .vmDrifted, .restartNeeded, .fileNotWritten,
                .stateUnreadable, .hostLost, .hostHistoryFailed, .eventsLost:
                .warning
            case .reloadFailed, .modelRefused, .hostUnavailable, .internalError, .stateFailed: .error
            }
        }
    }

    /// What happened.
    let kind: Kind
    /// A sentence.
    let message: String
    /// Fields to search by. The names are ours; values may be a client's.
    private(set) var fields: [(name: StaticString, value: String)] = []
    /// The user that caused it; nil where nobody did.
    private(set) var user: UInt32?

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The event with a field more; without it where there is no value.
    func with(_ name: StaticString, _ value: String?) -> Event {
        guard let value else { return self }
        var event = self
        event.fields.append((name, value))
        return event
    }

    /// The event with who caused it.
    func of(_ peer: Peer) -> Event {
        var event = of(user: peer.userID)
        event.fields.append(("CPUMODELD_PEER_PID", String(peer.processID)))
        event.fields.append(("CPUMODELD_PEER_GID", String(peer.groupID)))
        return event
    }

    /// The event with the user who caused it.
    func of(user: UInt32?) -> Event {
        var event = with("CPUMODELD_PEER_UID", user.map { String($0) })
        event.user = user
        return event
    }
}
