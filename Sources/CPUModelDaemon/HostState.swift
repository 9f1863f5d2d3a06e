// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import KVM
import X86CPU

/// This host, asked once at start; or why it could not be asked.
struct HostState: Sendable {
    private let answer: Result<HostCPU, KVMError>

    /// Asks the host.
    init() {
        do throws(KVMError) {
            answer = .success(try HostCPU.probe())
        } catch {
            answer = .failure(error)
        }
    }

    /// The host; nil where KVM cannot be used.
    var host: HostCPU? { try? answer.get() }

    /// Why KVM cannot be used; nil where it can.
    var problem: KVMError? {
        if case .failure(let error) = answer { error } else { nil }
    }

    /// The host, or the error to answer with.
    func required() throws(APIError) -> HostCPU {
        switch answer {
        case .success(let host): return host
        case .failure(let error): throw APIError(error)
        }
    }
}
