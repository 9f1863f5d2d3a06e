// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import JSON
import X86CPU

extension VCPUReport {
    func writeState(to writer: inout JSONWriter) {
        writer.array("vcpus") { writer in
            for vcpu in vcpus {
                writer.object { writer in
                    writer.member("vcpuId", vcpu.vcpuID)
                    writer.member("apicId", vcpu.apicID)
                    writer.member("verdict", vcpu.verdict.rawValue)
                    writer.member("stamp", vcpu.stamp.description)
                    if let set = vcpu.differenceSet { writer.member("differenceSet", set) }
                }
            }
        }
        writer.array("differenceSets") { writer in
            for set in differenceSets {
                writer.array { writer in
                    for difference in set { writer.object { difference.writeState(to: &$0) } }
                }
            }
        }
    }

    init(state reader: inout ObjectReader) throws(JSONShapeError) {
        var sets: [[TableDifference]] = []
        for (number, value) in try reader.array("differenceSets").enumerated() {
            let path = "differenceSets[\(number)]"
            guard let elements = value.arrayValue else {
                throw JSONShapeError(path: path, message: "must be an array, not \(value.kindName)")
            }
            var set: [TableDifference] = []
            for (position, element) in elements.enumerated() {
                set.append(
                    try ObjectReader.state(element, path: "\(path)[\(position)]") { reader throws(JSONShapeError) in
                        try TableDifference(state: &reader)
                    })
            }
            sets.append(set)
        }
        var index = 0
        let vcpus = try reader.states("vcpus") { reader throws(JSONShapeError) in
            defer { index += 1 }
            return try VCPU(state: &reader, index: index)
        }
        guard !vcpus.isEmpty, vcpus.allSatisfy({ $0.differenceSet.map(sets.indices.contains) ?? true }) else {
            throw reader.error("vcpus", "must be at least one, each with a differenceSet that is there")
        }
        self.init(vcpus: vcpus, differenceSets: sets)
    }
}

extension VCPUReport.VCPU {
    fileprivate init(state reader: inout ObjectReader, index: Int) throws(JSONShapeError) {
        guard let stamp = Stamp(restoring: try reader.string("stamp")) else {
            throw reader.error("stamp", "must be a stamp")
        }
        self.init(
            index: index, vcpuID: UInt32(try reader.integer("vcpuId", in: 0...Int64(UInt32.max))),
            apicID: UInt32(try reader.integer("apicId", in: 0...Int64(UInt32.max))),
            verdict: try reader.enumeration("verdict"), stamp: stamp,
            differenceSet: try reader.optionalInteger("differenceSet", in: 0...Int64(UInt32.max)).map { Int($0) })
    }
}

extension TableDifference {
    fileprivate func writeState(to writer: inout JSONWriter) {
        switch place {
        case .entry(let leaf, let subleaf):
            writer.member("leaf", hex32: leaf)
            writer.member("subleaf", hex32: subleaf)
        case .register(let leaf, let subleaf, let register):
            writer.member("leaf", hex32: leaf)
            writer.member("subleaf", hex32: subleaf)
            writer.member("register", register.description)
        case .msr(let index): writer.member("msr", hex32: index)
        }
        writer.member("kind", kind.rawValue)
        writer.member("want", hex: want)
        writer.member("got", hex: got)
        writer.member("bits", hex: bits)
        if !missing.isEmpty { writer.member("missing", missing.map(\.rawValue)) }
    }

    fileprivate init(state reader: inout ObjectReader) throws(JSONShapeError) {
        let place: Place
        if let msr = try reader.optionalHex32("msr") {
            place = .msr(msr)
        } else {
            let (leaf, subleaf) = (try reader.hex32("leaf"), try reader.hex32("subleaf"))
            if let name = try reader.optionalString("register") {
                guard let register = CPUIDRegister.allCases.first(where: { $0.description == name }) else {
                    throw reader.error("register", "must be the name of a register")
                }
                place = .register(leaf: leaf, subleaf: subleaf, register)
            } else {
                place = .entry(leaf: leaf, subleaf: subleaf)
            }
        }
        let missing = try reader.optionalStrings("missing") ?? []
        let sources = missing.compactMap(VCPUStateSource.init(rawValue:))
        guard sources.count == missing.count else { throw reader.error("missing", "must be known") }
        self.init(
            place, try reader.enumeration("kind"), want: try reader.hex64("want"), got: try reader.hex64("got"),
            bits: try reader.hex64("bits"), missing: sources)
    }
}
