// SPDX-License-Identifier: Apache-2.0

import CPUModels
import ConformanceSupport
import JSON
import X86CPU

/// The CPUs of all the conformance data.
enum Dumps {
    static let facts = Conformance.directory + "/../facts"

    static func fact(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: Conformance.bytes("\(facts)/\(name)"), limits: JSONLimits(maxBytes: 1 << 24))
    }

    static let detector: Result<ModelDetector, any Error> = Result { ModelDetector(try Conformance.catalog()) }

    /// Real CPUs with their tables and MSRs as they were read.
    static func tables() throws -> [(name: String, table: CPUIDTable, msrs: [UInt32: UInt64])] {
        let libvirt = try LibvirtHost.all().map { ($0.name, $0.table, $0.msrs) }
        let kvm = try Conformance.files(in: "kvm-hosts", ending: ".json").flatMap { file in
            let host = try HostCPU(kvmHost: Conformance.json("kvm-hosts/\(file)"))
            return [(file, host.supported, host.featureMSRs), ("\(file) itself", host.native, [:])]
        }
        let libcpuid = try Conformance.files(in: "libcpuid/raw", ending: ".test").map { file in
            let bytes = try Conformance.bytes("\(Conformance.directory)/libcpuid/raw/\(file)")
            return (file, CPUIDTable(dump: String(decoding: bytes, as: UTF8.self)), [UInt32: UInt64]())
        }
        return (libvirt + kvm + libcpuid).filter { !$0.1.entries.isEmpty }
    }

    /// The hosts of `kvm-hosts`, each with its file's name.
    static func hosts() throws -> [CPUDescription] {
        try Conformance.files(in: "kvm-hosts", ending: ".json").map { file in
            CPUDescription(try HostCPU(kvmHost: Conformance.json("kvm-hosts/\(file)")), name: file)
        }
    }

    /// Every CPU there is: tables, hosts, and the models.
    static func all() throws -> [CPUDescription] {
        let models = try Conformance.catalog().models.flatMap(\.versions).map { CPUDescription($0) }
        return try tables().map { CPUDescription($0.table, msrs: $0.msrs, name: $0.name) } + hosts() + models
    }
}

extension CPUIDTable {
    /// Reads the first CPU of a text with lines such as `CPUID 0000000D: 00000007-00000340-00000340-00000000`; subleaves
    /// follow each other by number.
    fileprivate init(dump: String) {
        self.init()
        for line in dump.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("CPU#001") || line.hasPrefix("------") && !entries.isEmpty { break }
            guard line.hasPrefix("CPUID "), let colon = line.firstIndex(of: ":") else { continue }
            let leaf = UInt32(line[..<colon].dropFirst(6).prefix(8), radix: 16)
            let values = line[line.index(after: colon)...].drop { $0 == " " }.prefix(35).split(separator: "-")
            let numbers = values.compactMap { UInt32($0, radix: 16) }
            guard let leaf, numbers.count == 4 else { continue }
            let subleaf = UInt32(entries.count { $0.leaf == leaf })
            append(
                CPUIDEntry(
                    leaf, .exact(subleaf), eax: numbers[0], ebx: numbers[1], ecx: numbers[2], edx: numbers[3]))
        }
    }
}
