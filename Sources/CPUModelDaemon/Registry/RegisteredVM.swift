// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import JSONRPC
import KVM
import Reactor

/// One VM of the registry: what it was given, and what there is to reach it by.
///
/// It holds the VM's vCPU descriptors for as long as it is registered. A descriptor pins the VM in the kernel, and KVM
/// does not tell when a VM is dead; so all of this goes at once when the owner's pidfd says that the owner has ended.
@ReactorActor
final class RegisteredVM {
    /// What it was given, by whom, and what KVM made of it.
    let record: VMRecord
    /// The vCPUs in topology order; empty where none are held.
    private(set) var vcpus: [VCPUDescriptor] = []
    /// By which its owner lets the vCPUs be read at any time; nil where there is none.
    private(set) var agent: Agent?
    private var observers: [Int: VCPUObserver] = [:]
    /// The last verification that found it drifted; nil when the last one that could tell has not.
    fileprivate(set) var drift: VMVerification?
    /// Its vCPUs by what they are: one group where all are the same CPU, as they should be.
    private(set) lazy var stampGroups = record.report.stampGroups
    /// Keeps watching the owner; without it the VM would stay for ever.
    let watch: OwnerWatch

    /// Whether an earlier run of the daemon has registered it.
    let isRestored: Bool

    init(_ record: VMRecord, watch: OwnerWatch, isRestored: Bool = false) {
        self.record = record
        self.isRestored = isRestored
        self.watch = watch
    }

    /// Takes over descriptors of the vCPUs, in the order of the record.
    func hold(_ vcpus: [VCPUDescriptor]) {
        for observer in observers.values { observer.close() }
        observers = [:]
        self.vcpus = vcpus
    }

    /// Lets go of everything that pins the VM, now, whoever else refers to it.
    func close() {
        for vcpu in vcpus { vcpu.descriptor.close() }
        hold([])
        agent = nil
    }

    /// The observer of one vCPU; nil where no descriptor of it is held, or it cannot be mapped.
    func observer(ofVCPU index: Int) -> VCPUObserver? {
        if let observer = observers[index] { return observer }
        guard vcpus.indices.contains(index), let observer = VCPUObserver(vcpus[index]) else { return nil }
        observers[index] = observer
        return observer
    }

    /// Drops the observers that nobody uses: a mapping costs a page of address space, and a VM may have many.
    func releaseObservers() { observers = observers.filter { $0.value.isInUse } }

    /// Takes an agent in place of the one before, until its connection ends.
    func attach(_ agent: Agent) {
        self.agent = agent
        agent.connection.onClose { [weak self, weak agent] in
            if let self, self.agent === agent { self.agent = nil }
        }
    }
}

extension RegisteredVM {
    /// Takes in what a verification has found.
    ///
    /// - Returns: whether that is news.
    func note(_ verification: VMVerification) -> Bool {
        switch verification.outcome {
        case .unverifiable: return false
        case .asRecorded:
            defer { drift = nil }
            return drift != nil
        case .drifted:
            defer { drift = verification }
            guard let drift else { return true }
            // A vCPU that could not be read this time has not changed.
            return zip(drift.vcpus, verification.vcpus).contains { before, now in
                now.drift.map { $0 != before.drift } ?? false
            }
        }
    }
}

/// What happens in the registry.
enum RegistryChange {
    /// A VM was registered.
    case appeared(RegisteredVM)
    /// vCPUs have joined a VM.
    case changed(RegisteredVM)
    /// A VM is no longer registered.
    case gone(RegisteredVM, GoneReason)
    /// A VM has something else than what was recorded.
    case drifted(RegisteredVM, VMVerification)
    /// A VM has again what was recorded.
    case recovered(RegisteredVM)
}

/// Why a VM is no longer registered.
enum GoneReason: String, Sendable, CaseIterable {
    /// The process that created it has ended.
    case ownerEnded
    /// Its owner, or root, has asked for it.
    case forgotten
    /// Another application took its name over.
    case replaced

    /// The rest of a sentence about the VM.
    var text: String {
        switch self {
        case .ownerEnded: "its owner ended"
        case .forgotten: "it was dropped on request"
        case .replaced: "its name was given to other vCPUs"
        }
    }
}
