// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import KVM
import Reactor
import X86CPU

/// What could be learnt of one vCPU within the time given, by source.
struct VCPUSighting {
    /// KVM's own answer.
    var kernel: (reading: Agent.Reading, at: ContinuousClock.Instant)?
    /// Registers of the run page.
    var page: VCPUObserver.Sample?
    /// IA32_APIC_BASE of the run page where there are no other registers: as of some return of KVM_RUN.
    var apicBase: UInt64?
    /// Why a source told nothing.
    var unavailable: [(source: LiveSource, reason: String)] = []
}

/// Looks at the vCPUs of one VM through all sources that are wanted, all at once, and takes no longer than it may.
///
/// Nothing here waits for a vCPU: the agent has a deadline, and reading the run page is reading memory.
@ReactorActor
final class LiveReading {
    private let vm: RegisteredVM
    private let indices: [Int]
    private let source: LiveSource?
    private let deadline: Duration
    private let refusal: String?
    private let start = ContinuousClock.now
    private var sightings: [VCPUSighting]
    /// Places in ``indices`` that KVM is still to be asked about.
    private var unasked = 0..<0
    private var unanswered: Set<Int> = []

    /// How long KVM may take before the run page is looked at too: an agent whose vCPU is not running answers at once.
    private static let grace = Duration.milliseconds(5)
    /// As many vCPUs of a VM are read at a time. An agent need not have a thread for each.
    private static let width = 32

    /// - Parameters:
    ///   - source: the one source to use; nil for the best.
    ///   - pageRefusal: why registers may not be asked for in the run page; nil where they may.
    init(_ vm: RegisteredVM, vcpus: [Int], source: LiveSource?, deadline: Duration, pageRefusal: String?) {
        self.vm = vm
        indices = vcpus
        self.source = source
        self.deadline = deadline
        refusal = pageRefusal
        sightings = Array(repeating: VCPUSighting(), count: vcpus.count)
    }

    /// What was learnt, in the order of the vCPUs asked for.
    func run() async throws -> [VCPUSighting] {
        if wants(.kernel) {
            askKernel()
            try await wait(atMost: Self.grace) { [self] in unanswered.isEmpty }
        }
        if wants(.runPage) { try await watchPages() }
        // A reading that fails by its deadline says so a little later.
        try await wait(atMost: deadline + Self.grace * 10) { [self] in unanswered.isEmpty }
        for position in unanswered { sightings[position].unavailable.append((.kernel, lateReason)) }
        return sightings
    }

    private func wants(_ other: LiveSource) -> Bool { source == nil || source == other }

    // MARK: The kernel

    private func askKernel() {
        guard let agent = vm.agent else {
            return fail(.kernel, "the owner of the VM has no agent attached")
        }
        guard !vm.vcpus.isEmpty else { return fail(.kernel, "no descriptors of its vCPUs are held") }
        unasked = indices.indices
        unanswered = Set(unasked)
        let vcpus = indices.map { vm.vcpus[$0] }
        for _ in 0..<min(Self.width, vcpus.count) {
            ReactorActor.task { [self] in
                while let position = unasked.popFirst() { await ask(agent, vcpus[position], position) }
            }
        }
    }

    private func ask(_ agent: Agent, _ vcpu: VCPUDescriptor, _ position: Int) async {
        do throws(Agent.Failure) {
            // Its VM may have gone while others had their turn, and its descriptor with it.
            guard vm.agent === agent else { throw .gone }
            let reading = try await agent.read(vcpu, at: indices[position], until: start + deadline)
            sightings[position].kernel = (reading, .now)
        } catch {
            guard unanswered.contains(position) else { return }
            let reason = if case .deadline = error { lateReason } else { Self.reason("\(error)") }
            sightings[position].unavailable.append((.kernel, reason))
        }
        unanswered.remove(position)
    }

    private var lateReason: String {
        Self.reason("it did not leave KVM_RUN within \(Int(deadline / .milliseconds(1))) ms")
    }

    private static func reason(_ failure: String) -> String { "the owner's agent could not read the vCPU: \(failure)" }

    // MARK: The run page

    /// Watches the pages of the vCPUs of which KVM has not told yet, until it has, or they have shown their registers.
    private func watchPages() async throws {
        var watched: [(position: Int, observer: VCPUObserver)] = []
        defer { vm.releaseObservers() }
        for (position, index) in indices.enumerated() where sightings[position].kernel == nil {
            if let observer = vm.observer(ofVCPU: index) {
                watched.append((position, observer))
                sightings[position].apicBase = observer.apicBase
            } else {
                sightings[position].unavailable.append((.runPage, "no descriptor of the vCPU is held"))
            }
        }
        guard !watched.isEmpty else { return }
        if let refusal {
            for (position, _) in watched { sightings[position].unavailable.append((.runPage, refusal)) }
            return
        }
        for (_, observer) in watched { observer.begin() }
        defer { for (_, observer) in watched { observer.end() } }
        try await wait(atMost: deadline) { [self] in
            for (position, observer) in watched {
                sightings[position].page = observer.sample()
                sightings[position].apicBase = observer.apicBase
            }
            // With KVM still to answer, its answer is worth the wait: it has more.
            return unanswered.isEmpty
                && watched.allSatisfy { sightings[$0.position].page != nil || hasKernel($0.position) }
        }
        for (position, _) in watched where sightings[position].page == nil && !hasKernel(position) {
            let reason = "the vCPU did not return to its VMM within \(Int(deadline / .milliseconds(1))) ms"
            sightings[position].unavailable.append((.runPage, reason))
        }
    }

    private func hasKernel(_ position: Int) -> Bool { sightings[position].kernel != nil }

    private func fail(_ source: LiveSource, _ reason: String) {
        for position in sightings.indices { sightings[position].unavailable.append((source, reason)) }
    }

    /// Waits in steps that grow from a fifth of a millisecond.
    private func wait(atMost limit: Duration, until isDone: () -> Bool) async throws {
        var step = Duration.microseconds(200)
        while !isDone() {
            let left = limit - (ContinuousClock.now - start)
            guard left > .zero else { return }
            try await Reactor.main.sleep(for: min(step, left))
            step = min(step * 2, .milliseconds(10))
        }
    }
}
