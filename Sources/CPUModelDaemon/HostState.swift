// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import Descriptors
import KVM
import Reactor
import X86CPU

/// This host, asked at start; or why it could not be asked.
///
/// What was told once holds until the daemon ends. A host that could not be asked is asked again whenever somebody wants to
/// know of it: the module may be loaded, or the device given to our group, after the daemon was started. All that costs is
/// an open(2) that fails.
@ReactorActor
final class HostState {
    private var answer: Result<HostCPU, SystemError>
    private var description: CPUDescription?
    private let log: EventLog
    private var handlers: [@ReactorActor (HostCPU) -> Void] = []

    /// Asks the host.
    init(_ log: EventLog) {
        self.log = log
        answer = Self.ask()
    }

    private static func ask() -> Result<HostCPU, SystemError> {
        do throws(SystemError) { return .success(try HostCPU.probe()) } catch { return .failure(error) }
    }

    private func asked() -> Result<HostCPU, SystemError> {
        guard case .failure = answer else { return answer }
        answer = Self.ask()
        guard case .success(let host) = answer else { return answer }
        log.record(Event(.hostAvailable, "KVM can be used here now."))
        for handler in handlers { handler(host) }
        handlers = []
        return answer
    }

    /// Calls the handler once, when the host is known; at once when it is already.
    func whenKnown(_ handler: @escaping @ReactorActor (HostCPU) -> Void) {
        if let host { handler(host) } else { handlers.append(handler) }
    }

    /// The host; nil where KVM cannot be used.
    var host: HostCPU? { try? asked().get() }

    /// Why KVM cannot be used; nil where it can.
    var problem: SystemError? {
        if case .failure(let error) = asked() { error } else { nil }
    }

    /// The host, or the error to answer with.
    func required() throws(APIError) -> HostCPU {
        switch asked() {
        case .success(let host): return host
        case .failure(let error): throw APIError(error)
        }
    }

    /// What guests can be given here, as other CPUs are compared with it; or the error to answer with.
    func described() throws(APIError) -> CPUDescription {
        if let description { return description }
        let made = CPUDescription(try required(), name: "this host")
        description = made
        return made
    }
}
