// SPDX-License-Identifier: Apache-2.0

import Reactor

extension Connection {
    /// What a connection has taken, as it was last entered.
    struct Taken {
        var bytes = 0
        var descriptors = 0
    }

    /// Brings the books of the user in line with what this connection has now.
    func settleAccount() {
        guard let account else { return }
        let isClosed = phase == .closed
        let now = Taken(
            bytes: isClosed ? 0 : output.byteCount + input.memory,
            descriptors: (isClosed ? 0 : descriptors.count) + descriptorsInService)
        account.queuedBytes += now.bytes - taken.bytes
        account.descriptors += now.descriptors - taken.descriptors
        taken = now
    }
}
