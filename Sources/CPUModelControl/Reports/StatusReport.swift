// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `daemon.status` for people.
public struct StatusReport: Report {
    private let headline: String
    private let hostProblem: String?
    private var rows: [Page.Row] = []

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let (version, pid) = (try reader.string("version"), try reader.integer("pid"))
        headline = "cpumodeld \(version), process \(pid), up \(elapsed(seconds: try reader.integer("uptimeSeconds")))"
        hostProblem = try reader.optionalString("hostProblem")
        if var host = try reader.optionalObject("host") {
            rows += try HostIdentity.rows(&host)
        }
        var models = try reader.object("models")
        let (count, versions) = (try models.integer("count"), try models.integer("versions"))
        rows.append(.init("Models", "\(count), in \(counted(versions, "version"))"))
        rows.append(.init("Catalog", try models.string("digest")))
        let refused: [RefusedFile] = try models.optionalReadArray("refused") ?? []
        for file in refused {
            rows.append(.init("Left out", file.problems.joined(separator: "; "), tint: .red))
        }
        rows.append(.init("VMs", "\(try reader.integer("vms"))"))
        rows.append(.init("Connections", "\(try reader.integer("connections"))"))
        if try reader.bool("hostChanged", default: false) {
            rows.append(
                .init("Changes", "this host is not what it was: 'cpumodelctl host --changes' tells", tint: .yellow))
        }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title(headline)
        var rows = rows
        if let hostProblem { rows.insert(.init("KVM", "cannot be used: \(hostProblem)", tint: .red), at: 0) }
        page.rows(rows)
    }
}

/// A file of models that the daemon goes without.
private struct RefusedFile: JSONReadable {
    /// What is wrong with it, each with the file's name.
    let problems: [String]

    init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        _ = try reader.string("file")
        problems = try reader.optionalStrings("problems") ?? []
    }
}
