// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import Glibc
import GuestCPU
import Reactor

/// Registers anew what an earlier run of the daemon knew, as far as it is still there.
@ReactorActor
struct Restoration {
    let store: StateStore
    let registry: VMRegistry
    let log: EventLog

    /// What became of one VM.
    private enum Outcome {
        case restored
        /// Its owner ended while no daemon was there to see it.
        case ownerEnded
        /// The machine has been started anew.
        case otherBoot
        /// Nobody can tell, or it cannot be watched.
        case failed(String)
    }

    /// Reads the store and registers what lives.
    ///
    /// - Parameter owners: pidfds that the service manager has kept, by the request that registered their VM.
    func run(owners: [String: SharedDescriptor]) {
        let (documents, unread) = store.load()
        for file in unread {
            log.record(
                Event(.stateUnreadable, "\(file.path) is not a VM that this cpumodeld can know again: \(file.reason)."))
        }
        var (restored, ended, ofOtherBoots, failed) = (0, 0, 0, 0)
        for document in documents {
            let record = document.record
            let outcome = restore(document, owner: owners[record.requestID])
            switch outcome {
            case .restored: restored += 1
            case .ownerEnded:
                ended += 1
                report(record)
                store.remove(record)
            case .otherBoot:
                ofOtherBoots += 1
                store.remove(record)
            case .failed(let reason):
                // Its file stays: it may live.
                failed += 1
                log.record(Event(.stateFailed, "VM \(record.name) is not known any more: \(reason)."))
            }
        }
        let known = Set(documents.map(\.record.requestID))
        for requestID in owners.keys where !known.contains(requestID) {
            store.forgetOwner(requestID)
        }
        guard !documents.isEmpty || !unread.isEmpty else { return }
        log.record(
            Event(
                .restored,
                "Knows \(restored) VMs from before the restart; \(ended) have ended since, \(ofOtherBoots) were of an "
                    + "earlier boot, \(failed) cannot be watched, \(unread.count) could not be read."
            )
            .with("CPUMODELD_VMS", String(restored))
            .with("CPUMODELD_VMS_ENDED", String(ended)))
    }

    private func restore(_ document: VMStateDocument, owner kept: SharedDescriptor?) -> Outcome {
        guard document.bootID == ProcessInformation.bootID else { return .otherBoot }
        let record = document.record
        do throws(SystemError) {
            let owner: SharedDescriptor? = if let kept { kept } else { try process(record.owner) }
            guard let owner, !OwnerWatch.hasEnded(owner.number) else { return .ownerEnded }
            let watched = SharedDescriptor(try OwnedDescriptor(duplicating: owner.number))
            try registry.register(record, owner: watched, vcpus: [], isRestored: true)
            if kept == nil { store.keepOwner(record.requestID, owner.number) }
            return .restored
        } catch {
            return .failed("its owner, process \(record.pid), cannot be watched: \(error)")
        }
    }

    /// The process that the owner is, if it still is: a number may be another's by now, but not with the same start time.
    private func process(_ owner: VMOwner) throws(SystemError) -> SharedDescriptor? {
        let unknown = SystemError(errno: ENOTSUP, operation: "telling it from other processes")
        guard owner.pid > 0 else { throw unknown }
        do throws(SystemError) {
            // The pidfd first: whom it means cannot change under the look at the start time, but only end, which it tells.
            let pidfd = try SharedDescriptor(pidfdOf: owner.pid)
            guard !OwnerWatch.hasEnded(pidfd.number) else { return nil }
            // None is known of an owner that had ended already when it was registered, or that was not to be seen.
            guard owner.startTime > 0 else { throw unknown }
            return ProcessInformation.startTime(of: owner.pid) == owner.startTime ? pidfd : nil
        } catch {
            if error.errno == ESRCH { return nil }
            throw error
        }
    }

    private func report(_ record: VMRecord) {
        let message =
            "VM \(record.name) is gone: its owner, process \(record.pid), ended while cpumodeld was not running."
        log.record(
            Event(.vmGone, message)
                .with("CPUMODELD_VM", record.name)
                .with("CPUMODELD_REASON", GoneReason.ownerEnded.rawValue)
                .with("CPUMODELD_PEER_PID", String(record.pid))
                .with("CPUMODELD_STAMP", record.report.stamp?.description)
                .with("CPUMODELD_REQUEST_ID", record.requestID))
    }
}
