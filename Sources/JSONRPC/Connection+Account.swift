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
            bytes: queuedBytes,
            descriptors: (isClosed ? 0 : descriptors.count) + descriptorsInService)
        account.queuedBytes += now.bytes - taken.bytes
        account.descriptors += now.descriptors - taken.descriptors
        taken = now
    }

    /// Bytes that wait: of the line that has not ended, of requests that are being served, and of answers.
    var queuedBytes: Int { releasableBytes + bytesInService }

    /// Those that ending the connection gives back at once.
    var releasableBytes: Int { phase == .closed ? 0 : output.byteCount + input.memory }

    /// Ends the connection since it has too much. One that does not read what it is sent cannot be told.
    func giveUp(_ error: RPCError) {
        if output.byteCount > UserAccounts.smallShare { return close(.outputLimit) }
        // Nothing is left to take a second time.
        discardInput()
        if phase == .open { fail(error) } else { close(.fault) }
        update()
    }
}
