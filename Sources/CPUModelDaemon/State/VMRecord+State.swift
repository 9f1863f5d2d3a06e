// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import CPUModels
import GuestCPU
import JSON
import X86CPU

// Format 1 of a VM's state. It has names of its own rather than those of the API's results, so that nobody changes it by
// changing an answer.

extension VMRecord {
    /// Writes everything that it takes to be the same record again.
    func writeState(to writer: inout JSONWriter) {
        writer.member("name", name)
        if let uuid { writer.member("uuid", uuid) }
        writer.member("model", model)
        writer.member("expression", expression)
        writer.array("topology") { writer in
            for count in [topology.sockets, topology.dies, topology.modules, topology.cores, topology.threads] {
                writer.integer(count)
            }
        }
        writer.member("options", options)
        if let overlay {
            writer.object("overlay") { writer in
                writer.member("kept", overlay.kept.map(\.rawValue).sorted())
                writer.member("base", overlay.base)
            }
        }
        writer.member("executor", executor)
        writer.member("appliedAt", appliedAt)
        writer.member("requestId", requestID)
        writer.object("owner") { owner.writeState(to: &$0) }
        writer.object("report") { report.writeState(to: &$0) }
        writer.object("tables") { tables.writeState(to: &$0) }
        writer.object("featureMSRs") { writer in
            for (index, value) in featureMSRs.sorted(by: { $0.key < $1.key }) {
                writer.member("0x" + String(index, radix: 16), hex: value)
            }
        }
        writer.array("dropped") { writer in
            for feature in dropped { writer.object { feature.writeState(to: &$0) } }
        }
    }

    /// Reads what ``writeState(to:)`` wrote.
    init(state reader: inout ObjectReader) throws(JSONShapeError) {
        let name = try reader.string("name")
        let topology = try Topology(state: &reader)
        let report: VCPUReport = try reader.state("report") { reader throws(JSONShapeError) in
            try VCPUReport(state: &reader)
        }
        let tables: VCPUTables = try reader.state("tables") { reader throws(JSONShapeError) in
            try VCPUTables(state: &reader)
        }
        guard tables.count == report.vcpus.count else {
            throw reader.error(
                "tables", "must be as many as there are vCPUs, \(report.vcpus.count), not \(tables.count)")
        }
        self.init(
            name: name, uuid: try reader.optionalString("uuid"), model: try reader.string("model"),
            expression: try reader.string("expression"), topology: topology,
            options: try reader.optionalRead("options") ?? GuestCPU.Options(),
            overlay: try reader.has("overlay")
                ? reader.state("overlay") { reader throws(JSONShapeError) in try RecordedOverlay(state: &reader) }
                : nil,
            report: report, tables: tables,
            featureMSRs: try reader.state("featureMSRs") { reader throws(JSONShapeError) in
                try Self.featureMSRs(&reader)
            },
            dropped: try reader.states("dropped") { reader throws(JSONShapeError) in
                try UnavailableFeature(state: &reader)
            },
            executor: try reader.string("executor"),
            owner: try reader.state("owner") { reader throws(JSONShapeError) in try VMOwner(state: &reader) },
            appliedAt: try reader.integer("appliedAt"), requestID: try reader.string("requestId"))
    }

    private static func featureMSRs(_ reader: inout ObjectReader) throws(JSONShapeError) -> [UInt32: UInt64] {
        var values: [UInt32: UInt64] = [:]
        for (name, _) in reader.object {
            guard name.hasPrefix("0x"), let index = UInt32(name.dropFirst(2), radix: 16) else {
                throw reader.error(name, "must be the index of an MSR in hexadecimal")
            }
            values[index] = try reader.hex64(name)
        }
        return values
    }
}

extension RecordedOverlay {
    fileprivate init(state reader: inout ObjectReader) throws(JSONShapeError) {
        let words = try reader.optionalStrings("kept") ?? []
        let kept = words.compactMap(OverlayPart.init(rawValue:))
        guard kept.count == words.count else { throw reader.error("kept", "must be parts that are known") }
        let base: [CPUIDEntry] = try reader.readArray("base")
        self.init(keeping: Set(kept), base: CPUIDTable(base))
    }
}

extension VMOwner {
    fileprivate func writeState(to writer: inout JSONWriter) {
        writer.member("pid", pid)
        writer.member("uid", uid)
        writer.member("gid", gid)
        writer.member("startTime", hex: startTime)
        if let command { writer.member("command", command) }
        if let program { writer.member("program", program) }
        if let controlGroup { writer.member("controlGroup", controlGroup) }
        if let unit { writer.member("unit", unit) }
        if let machine { writer.member("machine", machine) }
    }

    fileprivate init(state reader: inout ObjectReader) throws(JSONShapeError) {
        self.init(
            pid: Int32(try reader.integer("pid", in: 0...Int64(Int32.max))),
            uid: UInt32(try reader.integer("uid", in: 0...Int64(UInt32.max))),
            gid: UInt32(try reader.integer("gid", in: 0...Int64(UInt32.max))),
            startTime: try reader.hex64("startTime"))
        command = try reader.optionalString("command")
        program = try reader.optionalString("program")
        controlGroup = try reader.optionalString("controlGroup")
        unit = try reader.optionalString("unit")
        machine = try reader.optionalString("machine")
    }
}

extension Topology {
    fileprivate init(state reader: inout ObjectReader) throws(JSONShapeError) {
        let counts = try reader.optionalIntegers("topology", in: 1...Int64(Self.maximumVCPUs)) ?? []
        guard counts.count == 5 else { throw reader.error("topology", "must be five counts") }
        let numbers = counts.map { UInt32($0) }
        do throws(TopologyError) {
            try self.init(
                sockets: numbers[0], dies: numbers[1], modules: numbers[2], cores: numbers[3], threads: numbers[4])
        } catch {
            throw reader.error("topology", "is not possible: \(error)")
        }
    }
}

extension UnavailableFeature {
    fileprivate func writeState(to writer: inout JSONWriter) {
        // By their positions: names may be mended.
        writer.member("feature", feature.description)
        func reason(_ word: String) { writer.member("reason", word) }
        switch self.reason {
        case .hostLacks: reason("hostLacks")
        case .hiddenByKVM: reason("hiddenByKVM")
        case .notOffered: reason("notOffered")
        case .notComputed: reason("notComputed")
        case .needs(let features):
            reason("needs")
            writer.member("features", features.map(\.description))
        case .conflicts(let other):
            reason("conflicts")
            writer.member("features", [other.description])
        case .olderVersion(let host, let model):
            reason("olderVersion")
            writer.member("host", host)
            writer.member("model", model)
        case .needsOption(let option):
            reason("needsOption")
            writer.member("option", option)
        case .beyondLevel(let level):
            reason("beyondLevel")
            writer.member("level", hex32: level)
        }
    }

    fileprivate init(state reader: inout ObjectReader) throws(JSONShapeError) {
        let feature = try Self.feature(try reader.string("feature"), reader)
        var others: [Feature] = []
        for text in try reader.optionalStrings("features") ?? [] { others.append(try Self.feature(text, reader)) }
        let word = try reader.string("reason")
        let reason: Reason
        switch word {
        case "hostLacks": reason = .hostLacks
        case "hiddenByKVM": reason = .hiddenByKVM
        case "notOffered": reason = .notOffered
        case "notComputed": reason = .notComputed
        case "needs": reason = .needs(others)
        case "conflicts":
            guard let other = others.first else { throw reader.error("features", "must be one") }
            reason = .conflicts(with: other)
        case "olderVersion":
            reason = .olderVersion(
                host: UInt8(try reader.integer("host", in: 0...255)),
                model: UInt8(try reader.integer("model", in: 0...255)))
        case "needsOption": reason = .needsOption(try reader.string("option"))
        case "beyondLevel": reason = .beyondLevel(try reader.hex32("level"))
        default: throw reader.error("reason", "is \(word), which is not known")
        }
        self.init(feature: feature, reason: reason)
    }

    private static func feature(_ text: String, _ reader: ObjectReader) throws(JSONShapeError) -> Feature {
        guard let feature = FeatureRegistry.shared.feature(named: text) else {
            throw reader.error("feature", "is \(text), which is no feature")
        }
        return feature
    }
}

extension ObjectReader {
    /// An object that must be there, read whole by the closure.
    mutating func state<T>(
        _ key: String, _ read: (inout ObjectReader) throws(JSONShapeError) -> T
    ) throws(JSONShapeError) -> T {
        var reader = try object(key)
        let value = try read(&reader)
        try reader.finish()
        return value
    }

    /// An array of objects that must be there, each read whole by the closure.
    mutating func states<T>(
        _ key: String, _ read: (inout ObjectReader) throws(JSONShapeError) -> T
    ) throws(JSONShapeError) -> [T] {
        var values: [T] = []
        for (number, element) in try array(key).enumerated() {
            values.append(try Self.state(element, path: "\(key)[\(number)]", read))
        }
        return values
    }

    /// A value that must be an object, read whole by the closure.
    static func state<T>(
        _ value: JSONValue, path: String, _ read: (inout ObjectReader) throws(JSONShapeError) -> T
    ) throws(JSONShapeError) -> T {
        guard let object = value.objectValue else {
            throw JSONShapeError(path: path, message: "must be an object, not \(value.kindName)")
        }
        var reader = ObjectReader(object, path: path)
        let result = try read(&reader)
        try reader.finish()
        return result
    }
}
