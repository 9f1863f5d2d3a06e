// SPDX-License-Identifier: Apache-2.0

import ConformanceSupport
import JSON
import X86CPU

/// One host of libvirt's test data, and what libvirt says of it.
struct LibvirtHost {
    /// A CPU as libvirt writes it.
    struct Answer {
        let model: String
        let required: Int
        let disabled: Int

        init?(_ value: JSONValue?) {
            guard let model = value?["model"]?.stringValue else { return nil }
            self.model = model
            let features = value?["features"]?.arrayValue ?? []
            disabled = features.count { $0["policy"]?.stringValue == "disable" }
            required = features.count - disabled
        }
    }

    let name: String
    let table: CPUIDTable
    let msrs: [UInt32: UInt64]
    let host: Answer?
    let guest: Answer?
    let document: JSONValue

    static func all() throws -> [LibvirtHost] {
        try Conformance.files(in: "libvirt-cputestdata", ending: ".json").filter { $0 != "cases.json" }.map {
            try LibvirtHost(Conformance.json("libvirt-cputestdata/\($0)"))
        }
    }

    init(_ document: JSONValue) throws {
        self.document = document
        name = document["host"]?.stringValue ?? ""
        table = CPUIDTable(
            (document["cpuid"]?.arrayValue ?? []).map { row in
                func register(_ key: String) -> UInt32 { UInt32(hexadecimal: row[key]?.stringValue) }
                return CPUIDEntry(
                    register("leaf"), .exact(UInt32(row["subleaf"]?.intValue ?? 0)), eax: register("eax"),
                    ebx: register("ebx"), ecx: register("ecx"), edx: register("edx"))
            })
        var msrs: [UInt32: UInt64] = [:]
        for (index, value) in document["msr"]?.objectValue ?? JSONObject() {
            msrs[UInt32(hexadecimal: index)] = UInt64(hexadecimal: value.stringValue)
        }
        self.msrs = msrs
        host = Answer(document["expected"]?["host"])
        guest = Answer(document["expected"]?["guest"])
    }
}

extension FixedWidthInteger {
    /// The number after `0x`; 0 where there is none.
    init(hexadecimal text: String?) {
        self = text.flatMap { Self($0.dropFirst(2), radix: 16) } ?? 0
    }
}
