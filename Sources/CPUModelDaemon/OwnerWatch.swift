// SPDX-License-Identifier: Apache-2.0

import Descriptors
import Reactor

/// Watches one process by its pidfd until it ends, or nobody wants to know any more.
@ReactorActor
final class OwnerWatch {
    private let pidfd: SharedDescriptor
    private var registration: Registration?

    /// A watch that calls `ended` once when the process of the pidfd has ended.
    init(duplicating pidfd: CInt, ended: @escaping @ReactorActor () -> Void) throws(SystemError) {
        let duplicate = SharedDescriptor(try OwnedDescriptor(duplicating: pidfd))
        self.pidfd = duplicate
        registration = try Reactor.main.watchExit(of: duplicate.number) { [weak self] in
            self?.registration = nil
            ended()
        }
    }

    isolated deinit {
        if let registration { Reactor.main.unwatch(registration) }
    }
}
