// SPDX-License-Identifier: Apache-2.0

import CCPUModelClient

/// Lets the daemon read the vCPUs of a VM while the guest runs, from threads of its own, until it is let go of.
///
/// An agent reads, and changes nothing. It keeps second descriptors of the vCPUs, which keep the VM alive: let go of it before
/// the VM is destroyed. A daemon that is restarted is connected to again.
public struct VMAgent: ~Copyable, Sendable {
    /// How an agent stands with the daemon.
    public enum State: Sendable {
        /// There is no daemon, or none yet; it is tried again and again.
        case connecting
        /// The daemon can read the vCPUs.
        case attached
        /// The daemon does not know the VM, or gives it to another; tried again later.
        case refused
    }

    /// libcpumodel's object, which locks what it needs to.
    @safe private struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let handle: Handle

    /// Starts the agent of a VM, in the process that created it, whether there is a daemon or not.
    ///
    /// - Parameter path: The daemon's socket, as for ``LauncherConnection/connect(path:timeout:)``.
    public init(of vm: AppliedVM, vcpus: borrowing VCPUDescriptors, path: String? = nil) throws(LauncherError) {
        var error = unsafe cpumodel_error()
        var agent: OpaquePointer?
        let code = vcpus.withNumbers { numbers in
            unsafe Self.start(&agent, vm, numbers, path, &error)
        }
        guard code == 0, let agent = unsafe agent else { throw unsafe LauncherError(taking: &error) }
        handle = unsafe Handle(pointer: agent)
    }

    /// How the agent stands with the daemon.
    public var state: State { Self.state(unsafe cpumodel_agent_state(handle.pointer)) }

    /// Waits until the agent is attached or refused, at most that long.
    public borrowing func settled(within time: Duration) async -> State {
        let milliseconds = CInt(clamping: Int64(min(time / .milliseconds(1), 2e9)))
        let handle = handle
        return await onThread { Self.state(unsafe cpumodel_agent_wait(handle.pointer, milliseconds)) }
    }

    deinit { unsafe cpumodel_agent_stop(handle.pointer) }

    private static func state(_ state: cpumodel_agent_state) -> State {
        switch state {
        case CPUMODEL_AGENT_ATTACHED: .attached
        case CPUMODEL_AGENT_REFUSED: .refused
        default: .connecting
        }
    }

    @unsafe private static func start(
        _ agent: inout OpaquePointer?, _ vm: AppliedVM, _ numbers: [CInt], _ path: String?,
        _ error: inout cpumodel_error
    ) -> CInt {
        // Texts and numbers are copied during the call.
        unsafe vm.name.withCString { name in
            unsafe vm.requestID.withCString { requestID in
                unsafe numbers.withUnsafeBufferPointer { numbers in
                    var options = unsafe cpumodel_agent_options()
                    unsafe options.vm = name
                    unsafe options.request_id = requestID
                    unsafe options.vcpu_fds = numbers.baseAddress
                    unsafe options.vcpu_count = UInt32(clamping: numbers.count)
                    guard let path else { return unsafe cpumodel_agent_start(&agent, &options, &error) }
                    return unsafe path.withCString { path in
                        unsafe options.path = path
                        return unsafe cpumodel_agent_start(&agent, &options, &error)
                    }
                }
            }
        }
    }
}
