// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.show` for people: what the VM was given, by whom, and what KVM made of it.
public struct VMReport: Report {
    /// vCPUs of one fate.
    private struct Group: Hashable {
        let verdict: String
        let stamp: String
        let differenceSet: Int?
    }

    private let name, model, expression, verdict, stamp, executor, requestID, topology: String
    private let uid, appliedAt: Int64
    private let process: String
    private let uuid, unit, machine: String?
    private let hasAgent, holdsVCPUs: Bool
    private let options: [String]
    private let kept: [String]?
    private let vcpuIDs, apicIDs: [Int64]
    private var groups: [(group: Group, vcpus: [Int64])] = []
    private var differenceSets: [TableDifferences] = []
    private let dropped: UnavailableFeatures
    private let inconsistencies: [Inconsistency]

    /// vCPUs that are another CPU than the first.
    private struct Inconsistency {
        let vcpus: [Int64]
        let places: [Page.Row]

        init(reading reader: inout ObjectReader) throws(JSONShapeError) {
            vcpus = try reader.optionalIntegers("vcpus") ?? []
            places = try reader.objects("places") { (place) throws(JSONShapeError) in
                if let msr = try place.optionalHex32("msr") {
                    return .init("MSR 0x" + String(msr, radix: 16), "has another value")
                }
                let entry = entryName(leaf: try place.hex32("leaf"), subleaf: try place.hex32("subleaf"))
                guard let register = try place.optionalString("register") else {
                    return .init(entry, "only one of the two has this entry")
                }
                let (first, these) = (try place.optionalString("first"), try place.optionalString("these"))
                return .init("\(entry) \(register)", "\(these ?? "?") here, \(first ?? "?") in the first vCPU")
            }
        }
    }

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        name = try reader.string("vm")
        model = try reader.string("model")
        expression = try reader.string("expression")
        verdict = try reader.string("verdict")
        stamp = try reader.string("stamp")
        executor = try reader.string("executor")
        requestID = try reader.string("requestId")
        uid = try reader.integer("uid")
        let command = try reader.optionalString("command").map { " (\($0))" } ?? ""
        process = "process \(try reader.integer("pid"))\(command)"
        uuid = try reader.optionalString("uuid")
        unit = try reader.optionalString("unit")
        machine = try reader.optionalString("machine")
        hasAgent = try reader.bool("agent", default: false)
        holdsVCPUs = try reader.bool("vcpusHeld", default: false)
        appliedAt = try reader.integer("appliedAt")
        var counts = try reader.object("topology")
        topology = try TopologyText.describe(&counts)
        options = try GuestOptionsText.words(&reader)
        kept = try reader.optionalStrings("keep")
        dropped = try UnavailableFeatures("dropped", &reader)
        inconsistencies =
            reader.has("inconsistencies")
            ? try reader.objects("inconsistencies") { (one) throws(JSONShapeError) in try Inconsistency(reading: &one) }
            : []

        for (position, set) in try reader.array("differenceSets").enumerated() {
            differenceSets.append(try TableDifferences(reading: set, path: "result.differenceSets[\(position)]"))
        }
        var vcpuIDs: [Int64] = []
        var apicIDs: [Int64] = []
        var groups: [Group: [Int64]] = [:]
        var order: [Group] = []
        let sets = Int64(differenceSets.count)
        _ = try reader.objects("vcpus") { (vcpu) throws(JSONShapeError) in
            vcpuIDs.append(try vcpu.integer("vcpuId"))
            apicIDs.append(try vcpu.integer("apicId"))
            let set = try vcpu.optionalInteger("differenceSet", in: 0...max(sets - 1, 0))
            let group = Group(
                verdict: try vcpu.string("verdict"), stamp: try vcpu.string("stamp"),
                differenceSet: sets == 0 ? nil : set.map { Int($0) })
            if groups[group] == nil { order.append(group) }
            groups[group, default: []].append(try vcpu.integer("index"))
        }
        self.vcpuIDs = vcpuIDs
        self.apicIDs = apicIDs
        self.groups = order.map { ($0, groups[$0] ?? []) }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title("\(name): \(model)")
        page.rows(rows(now: page.style.now))
        for (group, vcpus) in groups {
            let noun = vcpus.count == 1 ? "vCPU" : "vCPUs"
            page.title("\(noun) \(CPUList.format(vcpus)): \(group.verdict), \(meaning(ofVerdict: group.verdict))")
            if group.stamp != stamp { page.sentence("The stamp is another one, \(group.stamp).", indent: 2) }
            if let set = group.differenceSet { differenceSets[set].write(to: &page) }
        }
        for inconsistency in inconsistencies {
            let vcpus = inconsistency.vcpus
            page.title(
                "\(vcpus.count == 1 ? "vCPU" : "vCPUs") \(CPUList.format(vcpus)): another CPU than the first vCPU")
            page.rows(inconsistency.places)
        }
        if dropped.count > 0 {
            page.title("Left out, as the host cannot give them: \(counted(dropped.count, "feature"))")
            dropped.write(to: &page)
        }
    }

    private static func list(_ words: [String]) -> String {
        words.isEmpty ? "nothing" : words.joined(separator: ", ")
    }

    /// What there is to look at the running VM by.
    private var live: String {
        switch (hasAgent, holdsVCPUs) {
        case (true, true): "its agent reads the vCPUs at any time"
        case (true, false): "its agent is attached, but no vCPU descriptors are held"
        case (false, true): "the vCPUs' run pages, without an agent"
        case (false, false): "nothing but the record"
        }
    }

    private func rows(now: Int64) -> [Page.Row] {
        var rows: [Page.Row] = [.init("Verdict", verdict, tint: tint(forVerdict: verdict))]
        if expression != model { rows.append(.init("Asked for", expression)) }
        rows += [
            .init("Stamp", stamp),
            .init("Topology", "\(counted(apicIDs.count, "vCPU")): \(topology)"),
            .init("APIC ids", words: [CPUList.format(apicIDs)]),
        ]
        if vcpuIDs != apicIDs { rows.append(.init("vCPU ids", words: [CPUList.format(vcpuIDs)])) }
        if let kept {
            rows.append(.init("Laid over", "the VMM's own tables, which kept \(Self.list(kept))"))
        }
        if !options.isEmpty { rows.append(.init("Options", words: options)) }
        if let uuid { rows.append(.init("UUID", uuid)) }
        rows.append(.init("Owner", "\(process) of user \(uid)"))
        if let unit { rows.append(.init("Unit", words: [unit])) }
        if let machine { rows.append(.init("Machine", words: [machine])) }
        rows += [
            .init("Live", live),
            .init(
                "Applied", "\(dateAndTime(appliedAt)), \(elapsed(seconds: now - appliedAt)) ago, executor \(executor)"),
            .init("Journal", words: ["journalctl CPUMODELD_REQUEST_ID=\(requestID)"]),
        ]
        return rows
    }
}
