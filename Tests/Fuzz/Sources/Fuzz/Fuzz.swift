// SPDX-License-Identifier: Apache-2.0

import FuzzChecks
import Glibc
import Reactor

/// One program for all checks, so that it is linked once. The environment variable FUZZ chooses.
private let check: Check = {
    guard let name = unsafe getenv("FUZZ"), let check = Check(rawValue: unsafe String(cString: name)) else {
        preconditionFailure("FUZZ must be one of \(Check.allCases.map(\.rawValue))")
    }
    return check
}()

/// What libFuzzer calls.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // libFuzzer owns the bytes and promises `count` of them for the time of the call.
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    switch check.body {
    case .anywhere(let body): body(bytes)
    case .onReactor(let body):
        do {
            try Reactor.main.run {
                body(bytes)
                Reactor.main.stop()
            }
        } catch {
            preconditionFailure("there is no event loop: \(error)")
        }
    }
    return 0
}
