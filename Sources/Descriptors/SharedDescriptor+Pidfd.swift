// SPDX-License-Identifier: Apache-2.0

import CLinux

extension SharedDescriptor {
    /// A pidfd of the process that has this number now (pidfd_open(2)).
    ///
    /// - Throws: ``SystemError`` with `ESRCH` when there is none.
    public convenience init(pidfdOf processID: CInt) throws(SystemError) {
        let number = clinux_pidfd_open(processID)
        guard number >= 0 else { throw SystemError(errno: -number, operation: "pidfd_open") }
        self.init(owning: number)
    }
}
