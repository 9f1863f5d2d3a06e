// SPDX-License-Identifier: Apache-2.0

public import JSON

/// All VMs as a watch tells of them: what there was when it began, and every event since.
public struct Fleet: Sendable {
    /// A value of a vCPU that comes and goes, as it was last told.
    struct Value: Sendable, Hashable {
        let isOn: Bool
        /// Whether nobody can tell whether it still holds.
        let isUncertain: Bool
        let source: String
        /// When it was read, in milliseconds of the clock of whoever counts; nil where that cannot be told.
        let readAt: Int64?
    }

    /// One VM.
    struct VM: Sendable {
        var model, verdict: String
        var vcpuCount: Int64
        var isDrifted = false
        var isConsistent = true
        /// What comes and goes, by field, of each vCPU that was told of.
        var fields: [String: [Int64: Value]] = [:]
    }

    private(set) var vms: [String: VM] = [:]
    /// What happened last, for the line at the bottom.
    private(set) var lastEvent: String?

    /// No VM yet.
    public init() {}

    /// What there is when a watch begins: the result of `vm.watch`.
    public init(watch result: JSONValue) throws(JSONShapeError) {
        guard case .object(let object) = result.printable else {
            throw JSONShapeError(path: "result", message: "must be an object, not \(result.kindName)")
        }
        var reader = ObjectReader(object, path: "result")
        _ = try reader.objects("vms") { (vm) throws(JSONShapeError) in
            var entry = try VM(reading: &vm)
            entry.isDrifted = try vm.bool("drifted", default: false)
            vms[try vm.string("vm")] = entry
        }
    }

    /// Takes in an event: the parameters of `vm.event`.
    ///
    /// - Parameter now: the time, in milliseconds of any clock that only goes forward.
    /// - Returns: false when the watch has ended.
    public mutating func take(_ event: JSONValue, now: Int64, style: OutputStyle) throws(JSONShapeError) -> Bool {
        guard case .object(let object) = event.printable else {
            throw JSONShapeError(path: "params", message: "must be an object, not \(event.kindName)")
        }
        var reader = ObjectReader(object, path: "params")
        let name = try reader.string("event")
        let vm = try reader.optionalString("vm") ?? ""
        if name != "capsChanged" { lastEvent = try WatchLine.text(event, style: style) }
        switch name {
        case "appeared", "changed":
            var record = try reader.object("record")
            var entry = try VM(reading: &record)
            if name == "changed", let old = vms[vm] { entry.fields = old.fields }
            vms[vm] = entry
        case "gone": vms[vm] = nil
        case "drifted": vms[vm]?.isDrifted = true
        case "recovered": vms[vm]?.isDrifted = false
        case "capsChanged": try takeCaps(of: vm, &reader, now: now)
        case "dropped": return false
        default: break
        }
        return true
    }

    private mutating func takeCaps(
        of vm: String, _ reader: inout ObjectReader, now: Int64
    ) throws(JSONShapeError) {
        let vcpu = try reader.integer("vcpu")
        var changes = try reader.object("changes")
        for field in changes.object.keys {
            var change = try changes.object(field)
            var to = try change.object("to")
            // Sizes are no flags, and follow from what is.
            guard case .bool(let isOn)? = to.value("value") else { continue }
            vms[vm]?.fields[field, default: [:]][vcpu] = Value(
                isOn: isOn, isUncertain: try to.optionalStrings("missing")?.isEmpty == false,
                source: try to.string("source"), readAt: try to.optionalInteger("ageMs").map { now - $0 })
        }
    }
}

extension Fleet.VM {
    fileprivate init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let expression = try reader.string("expression")
        model = try reader.string("model") + expression.drop { $0 != "," }
        verdict = try reader.string("verdict")
        vcpuCount = try reader.integer("vcpuCount")
        isConsistent = try reader.bool("consistent", default: true)
    }
}
