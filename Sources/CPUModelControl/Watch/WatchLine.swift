// SPDX-License-Identifier: Apache-2.0

public import JSON

/// An event of `vm.watch` as a line for people.
public enum WatchLine {
    /// The line, without its end.
    ///
    /// - Parameter event: the parameters of the notification `vm.event`.
    public static func text(_ event: JSONValue, style: OutputStyle) throws(JSONShapeError) -> String {
        guard case .object(let object) = event.printable else {
            throw JSONShapeError(path: "params", message: "must be an object, not \(event.kindName)")
        }
        var reader = ObjectReader(object, path: "params")
        let name = try reader.string("event")
        let vm = try reader.optionalString("vm") ?? ""
        let (words, tint) = try sentence(name, &reader)
        let start = dateAndTime(style.now) + "  " + (vm.isEmpty ? "" : vm + ": ")
        return start + style.tinted(words, tint)
    }

    private static func sentence(
        _ event: String, _ reader: inout ObjectReader
    ) throws(JSONShapeError) -> (String, Tint?) {
        switch event {
        case "appeared", "changed":
            var record = try reader.object("record")
            let verdict = try record.string("verdict")
            let count = counted(try record.integer("vcpuCount"), "vCPU")
            let verb = event == "appeared" ? "has its CPU" : "has got more vCPUs"
            return ("\(verb), \(try record.string("expression")) on \(count), \(verdict)", tint(forVerdict: verdict))
        case "gone":
            return ("gone, \(meaning(ofReason: try reader.string("reason")))", .faint)
        case "drifted":
            var verification = try reader.object("verification")
            let sets = try verification.array("differenceSets")
            let places = sets.reduce(0) { $0 + ($1.arrayValue?.count ?? 0) }
            return ("drifted in \(counted(places, "place")): cpumodelctl verify shows them", .red)
        case "recovered":
            return ("as recorded again", .green)
        case "capsChanged":
            let vcpu = try reader.integer("vcpu")
            var changes = try reader.object("changes")
            var words: [String] = []
            for field in changes.object.keys {
                var change = try changes.object(field)
                let to = try value(try change.object("to"))
                guard let from = try change.optionalObject("from") else {
                    words.append("\(field) is \(to)")
                    continue
                }
                words.append("\(field) \(try value(from)) -> \(to)")
            }
            return ("vCPU \(vcpu): \(words.joined(separator: ", "))", nil)
        case "dropped":
            return ("events were lost, as they were not read in time; the watch has ended", .red)
        default:
            return (event, nil)
        }
    }

    private static func value(_ value: ObjectReader) throws(JSONShapeError) -> String {
        var value = value
        let text =
            switch value.value("value") {
            case .bool(let isOn): isOn ? "on" : "off"
            case .integer(let count): "\(count)"
            case .string(let text): text
            default: "?"
            }
        return try value.optionalStrings("missing")?.isEmpty == false ? text + "?" : text
    }

    private static func meaning(ofReason reason: String) -> String {
        switch reason {
        case "ownerEnded": "its owner ended"
        case "forgotten": "it was dropped on request"
        case "replaced": "its name was given to other vCPUs"
        default: reason
        }
    }
}
