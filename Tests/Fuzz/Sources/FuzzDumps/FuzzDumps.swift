// SPDX-License-Identifier: Apache-2.0

import Formats
import X86CPU

/// Reads whatever comes as a dump, in whichever format it looks like, and makes a host of it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDumps(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // libFuzzer owns the bytes and promises `count` of them for the time of the call.
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    do throws(FormatError) {
        let dump = try CPUDump.read(bytes, name: "fuzz")
        precondition(!dump.cpus.isEmpty, "a dump without a CPU was read")
        let host = try dump.hostCPU()
        precondition(CPUVendor(table: host.host.supported) == host.host.identity.vendor, "the host lost its vendor")
    } catch {
        precondition(!error.description.contains("\n"), "a message must stay on its line")
        precondition(error.line.map { $0 >= 1 } ?? true && error.column.map { $0 >= 1 } ?? true)
    }
    return 0
}
