// SPDX-License-Identifier: Apache-2.0

import CPUModels
import Glibc
import GuestCPU
import KVM
import X86CPU

// How what is computed in process grows with its size, as a JSON array of series.
//
// usage: growth-bench MODEL-FILE...

/// The bytes of a file.
func contents(of path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { return [] }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return bytes
}

/// Processor times of a few runs, in milliseconds: what else the machine does is none of them.
struct Times {
    let median: Double
    /// Of so few runs, the longest.
    let p99: Double
    let least: Double

    init(of runs: Int, _ work: () throws -> Void) rethrows {
        var times: [Double] = []
        for _ in 0..<runs {
            let start = clock()
            try work()
            times.append(Double(clock() - start) * 1000 / Double(CLOCKS_PER_SEC))
        }
        times.sort()
        median = times[runs / 2]
        p99 = times[runs - 1]
        least = times[0]
    }
}

/// Costs by size, as JSON.
struct Series {
    let title: String
    let name: String
    let points: [(size: Int, times: Times)]

    var json: String {
        let listed = points.map { size, times in
            "{\"size\":\(size),\"median\":\(times.median),\"p99\":\(times.p99),\"least\":\(times.least)}"
        }.joined(separator: ",")
        return "{\"title\":\"\(title)\",\"name\":\"\(name)\",\"unit\":\"ms\",\"points\":[\(listed)]}"
    }
}

let files = CommandLine.arguments.dropFirst().map { (name: $0, bytes: contents(of: $0)) }
let host = try HostCPU.probe()
let catalog = try ModelCatalog(files: Array(files))
let versions = catalog.models.flatMap(\.versions)
let expressions = try versions.map { try ModelExpression(parsing: $0.name) }

/// The tables of every version of every model, expanded and computed.
func tables(vcpus: Int) throws -> Times {
    let topology = try Topology(cores: UInt32(vcpus))
    var entries = 0
    let times = try Times(of: vcpus > 256 ? 3 : 7) {
        for expression in expressions {
            let guest = try GuestCPU(model: catalog.expand(expression, on: host), host: host, topology: topology)
            for vcpu in 0..<guest.vcpuCount { entries += guest.table(ofVCPU: vcpu).entries.count }
        }
    }
    precondition(entries > 0)
    return times
}

/// The baseline of that many hosts, of the kinds of all Intel models.
func baseline(hosts: Int) throws -> Times {
    let kinds = versions.filter { $0.vendor == .intel && !$0.takesHostVendor }.map { CPUDescription($0) }
    let cpus = (0..<hosts).map { kinds[$0 % kinds.count] }
    var lost = 0
    let times = try Times(of: 7) { lost += try Baseline(of: cpus).limits.count }
    precondition(lost > 0 || hosts < 3)
    return times
}

let series = try [
    Series(
        title: "vCPUs in a table", name: "tables of all \(expressions.count) versions, by vCPUs",
        points: [1, 4, 16, 64, 256, 1024, 4096].map { ($0, try tables(vcpus: $0)) }),
    Series(
        title: "Hosts in a baseline", name: "baseline, by hosts",
        points: [2, 16, 100, 1000, 10000].map { ($0, try baseline(hosts: $0)) }),
]
print("[" + series.map(\.json).joined(separator: ",\n") + "]")
