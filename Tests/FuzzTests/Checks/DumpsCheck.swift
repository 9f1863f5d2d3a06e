// SPDX-License-Identifier: Apache-2.0

import Formats
import X86CPU

/// Reads whatever comes as a dump, in whichever format it looks like, and makes a host of it.
func checkDumps(_ bytes: [UInt8]) {
    do throws(FormatError) {
        let dump = try CPUDump.read(bytes, name: "fuzz")
        precondition(!dump.cpus.isEmpty, "a dump without a CPU was read")
        let host = try dump.hostCPU()
        precondition(CPUVendor(table: host.host.supported) == host.host.identity.vendor, "the host lost its vendor")
    } catch {
        precondition(!error.description.contains("\n"), "a message must stay on its line")
        precondition(error.line.map { $0 >= 1 } ?? true && error.column.map { $0 >= 1 } ?? true)
    }
}
