// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import Descriptors
import JSON
import KVM
import Reactor

/// What one user may have in the registry. Root is not bounded.
struct RegistryLimits: Sendable {
    /// VMs.
    var vmsPerUser = 4096
    /// Descriptors of vCPUs that are held. A VM beyond has its CPU all the same; it cannot be observed.
    var descriptorsPerUser = 1 << 17
}

/// The VMs on this host that were given a CPU, by name. A VM is here as long as the process that created it lives.
@ReactorActor
final class VMRegistry {
    private var entries: [String: RegisteredVM] = [:]
    /// Names of VMs that are about to be registered, with their users.
    private var reservations: [String: UInt32] = [:]
    private var heldDescriptors = 0
    private let budget: DescriptorBudget
    /// What one user may have here.
    var limits = RegistryLimits()

    private var observers: [@ReactorActor (RegistryChange) -> Void] = []

    init(budget: DescriptorBudget = .ofProcess()) { self.budget = budget }

    /// Has everything told that happens, to each that wants to know in the order in which they came.
    func observe(_ observer: @escaping @ReactorActor (RegistryChange) -> Void) { observers.append(observer) }

    private func tell(_ change: RegistryChange) {
        for observer in observers { observer(change) }
    }

    // MARK: Names

    /// Takes a name for a VM that is about to be registered, so that no second request can; fails where another VM has
    /// it, or the UUID.
    ///
    /// - Parameters:
    ///   - user: whose VM it will be.
    ///   - canReplace: whether the VM that has the name now may lose it.
    func reserve(
        _ name: String, uuid: String? = nil, for user: UInt32, canReplace: (VMRecord) -> Bool
    ) throws(APIError) {
        if reservations[name] != nil {
            throw APIError(
                .nameInUse, "Another request is giving the VM \"\(name)\" its CPU right now.",
                data: ["vm": .string(name)])
        }
        if let record = entries[name]?.record, !canReplace(record) {
            throw APIError(
                .nameInUse,
                "The name \"\(name)\" belongs to the VM of process \(record.pid); "
                    + "choose another, or let its owner ask with replace.",
                data: ["vm": .string(name), "pid": .integer(Int64(record.pid))])
        }
        if let uuid, let other = entries.values.first(where: { $0.record.uuid == uuid && $0.record.name != name }) {
            throw APIError(
                .nameInUse, "The UUID \(uuid) belongs to the VM \"\(other.record.name)\".",
                data: ["vm": .string(other.record.name), "pid": .integer(Int64(other.record.pid))])
        }
        if entries[name] == nil { try checkCount(of: user) }
        reservations[name] = user
    }

    private func checkCount(of user: UInt32) throws(APIError) {
        guard user != 0 else { return }
        let count =
            entries.values.count { $0.record.uid == user }
            + reservations.count { $0.value == user && entries[$0.key] == nil }
        guard count < limits.vmsPerUser else {
            throw APIError(
                .limitExceeded,
                "User \(user) has \(count) VMs here, the most that one user may: VMsPerUser= in the section [Limits] of "
                    + "cpumodeld.conf. Forget those that are gone.",
                data: ["limit": "vmsPerUser", "value": .integer(Int64(limits.vmsPerUser))])
        }
    }

    /// Gives a reserved name back.
    func cancelReservation(_ name: String) { reservations[name] = nil }

    // MARK: Coming and going

    /// Registers a VM under its reserved name.
    ///
    /// - Parameters:
    ///   - pidfd: The owner's. When it says that the owner has ended, the VM is gone.
    ///   - vcpus: Its vCPUs, or those that have come to it. They are not held when there are too many.
    ///   - joined: The registration that the record was made from by joining vCPUs to it: its agent stays, and so do the
    ///     descriptors of its other vCPUs.
    ///   - isRestored: Whether an earlier run of the daemon has registered it.
    @discardableResult
    func register(
        _ record: VMRecord, owner pidfd: SharedDescriptor, vcpus: [VCPUDescriptor], joining joined: RegisteredVM? = nil,
        isRestored: Bool = false
    ) throws(SystemError) -> RegisteredVM {
        reservations[record.name] = nil
        let requestID = record.requestID
        let watch = try OwnerWatch(pidfd) { [weak self] in
            // The name may have been taken over since.
            guard let self, entries[record.name]?.record.requestID == requestID else { return }
            remove(record.name, .ownerEnded)
        }
        let vm = RegisteredVM(record, watch: watch, isRestored: isRestored)
        let held = Dictionary((joined?.vcpus ?? []).map { ($0.id, $0) } + vcpus.map { ($0.id, $0) }) { $1 }
        let agent = joined?.agent
        if joined == nil { remove(record.name, .replaced) } else if let joined { hold([], of: joined) }
        entries[record.name] = vm
        let wanted = record.report.vcpus.compactMap { held[$0.vcpuID] }
        hold(wanted.count == record.report.vcpus.count ? wanted : [], of: vm)
        if let agent { vm.attach(agent) }
        tell(joined == nil ? .appeared(vm) : .changed(vm))
        return vm
    }

    /// Holds descriptors of a VM's vCPUs in place of those held before, unless there are too many, of all or of its user.
    func hold(_ vcpus: [VCPUDescriptor], of vm: RegisteredVM) {
        heldDescriptors -= vm.vcpus.count
        vm.hold([])
        let user = vm.record.uid
        let isWithinQuota =
            user == 0
            || entries.values.reduce(vcpus.count) { $0 + ($1.record.uid == user ? $1.vcpus.count : 0) }
                <= limits.descriptorsPerUser
        vm.hold(heldDescriptors + vcpus.count <= budget.limit && isWithinQuota ? vcpus : [])
        heldDescriptors += vm.vcpus.count
    }

    /// Drops a VM.
    func remove(_ name: String, _ reason: GoneReason) {
        guard let vm = entries.removeValue(forKey: name) else { return }
        heldDescriptors -= vm.vcpus.count
        vm.close()
        tell(.gone(vm, reason))
    }

    /// Takes in what a verification of a VM has found.
    func note(_ verification: VMVerification, of vm: RegisteredVM) {
        guard vm.note(verification) else { return }
        tell(vm.drift == nil ? .recovered(vm) : .drifted(vm, verification))
    }

    // MARK: Looking

    /// The VM of that name.
    func entry(named name: String) -> RegisteredVM? { entries[name] }

    /// What the VM of that name was given.
    func vm(named name: String) -> VMRecord? { entries[name]?.record }

    /// All VMs by name.
    var allEntries: [RegisteredVM] { entries.values.sorted { $0.record.name < $1.record.name } }

    /// What all VMs were given, by name.
    var all: [VMRecord] { allEntries.map(\.record) }

    /// The number of VMs.
    var count: Int { entries.count }

    /// The number of vCPU descriptors held.
    var descriptorCount: Int { heldDescriptors }

    /// The names, for suggestions.
    var names: some Collection<String> { entries.keys }
}
