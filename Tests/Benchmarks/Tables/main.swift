// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Glibc
import GuestCPU
import KVM
import X86CPU

// How long it takes to compute the tables of every version of every model, for this host and ever more vCPUs.
//
// usage: table-bench MODEL-FILE...

/// The bytes of a file.
func contents(of path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { return [] }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return bytes
}

/// The median time of a few runs.
func median(of runs: Int, _ work: () throws -> Void) rethrows -> Duration {
    var times: [Duration] = []
    for _ in 0..<runs { times.append(try ContinuousClock().measure(work)) }
    return times.sorted()[runs / 2]
}

func milliseconds(_ time: Duration) -> String {
    let hundredths = Int(time / .microseconds(10))
    let fraction = String(hundredths % 100)
    return "\(hundredths / 100).\(fraction.count < 2 ? "0" : "")\(fraction) ms"
}

let files = CommandLine.arguments.dropFirst().map { (name: $0, bytes: contents(of: $0)) }
let host = try HostCPU.probe()
let catalog = try ModelCatalog(files: Array(files))
let expressions = try catalog.models.flatMap(\.versions).map { try ModelExpression(parsing: $0.name) }
print("tables of \(expressions.count) models, expanded and computed:")
for vcpus in [1, 4, 16, 64, 256, 1024, 4096] as [UInt32] {
    let topology = try Topology(cores: vcpus)
    var entries = 0
    let time = try median(of: vcpus > 256 ? 3 : 7) {
        for expression in expressions {
            let guest = try GuestCPU(
                model: catalog.expand(expression, on: host), host: host, topology: topology)
            for vcpu in 0..<guest.vcpuCount { entries += guest.table(ofVCPU: vcpu).entries.count }
        }
    }
    precondition(entries > 0)
    let each = time / Int(vcpus) / expressions.count
    print("  \(vcpus) vCPUs: \(milliseconds(time)) in all, \(Int(each / .nanoseconds(1))) ns a table")
}
