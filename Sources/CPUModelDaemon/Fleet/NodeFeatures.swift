// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import X86CPU

/// What this host is to guests as labels of a Kubernetes node: a feature file for the `local` source of
/// node-feature-discovery (its customization guide, "Local feature source"). A scheduler can then place a VM where its
/// model is, and move it to where the model is the same.
struct NodeFeatures {
    /// Where unprefixed labels of that program belong.
    private static let namespace = "feature.node.kubernetes.io"
    /// The longest name, and value, of a label (Kubernetes, "Labels and Selectors").
    private static let maximumLength = 63
    /// Larger files are ignored.
    private static let maximumSize = 64 << 10

    private var lines = [
        "# CPU models that guests of this host can be given in full, each with its stamp: where the stamp of a model is",
        "# the same, guests that have it are interchangeable. That of \"host\" is this host's fingerprint.",
    ]

    /// The labels of a host with these models.
    init(host: HostCPU, catalog: ModelCatalog, version: String) {
        lines.append("# Written by cpumodeld \(version).")
        add("cpumodel-host.vendor", host.identity.vendor.description)
        add("cpumodel-host.signature", "\(host.identity.signature)")
        add("cpumodel-host.module", host.identity.module)
        add("cpumodel-catalog.digest", String(catalog.digest.prefix(32)))
        let names = catalog.models.flatMap { $0.versions.map(\.name) }
        for name in ["host"] + names {
            if let stamp = Self.stamp(of: name, on: host, catalog) { add("cpumodel.\(name)", stamp.description) }
        }
    }

    /// The feature file.
    var text: String {
        var text = ""
        for line in lines where text.utf8.count + line.utf8.count < Self.maximumSize { text += line + "\n" }
        return text
    }

    /// The stamp that a guest with one vCPU of the model has; nil where the host cannot give all of it.
    private static func stamp(of model: String, on host: HostCPU, _ catalog: ModelCatalog) -> Stamp? {
        guard let expression = try? ModelExpression(parsing: model),
            let expanded = try? catalog.expand(expression, on: host), let topology = try? Topology(cores: 1),
            let guest = try? GuestCPU(
                model: expanded, host: host, topology: topology, options: GuestCPU.Options()
            ).tables,
            guest.missing.isEmpty, let table = guest.tables.first
        else { return nil }
        return Stamp(table: table, featureMSRs: guest.featureMSRs)
    }

    /// Adds a label, with a value as labels may have it. One whose name cannot be that of a label is left out, and said so.
    private mutating func add(_ name: String, _ value: String) {
        let value = Self.asLabel(value)
        if Self.asLabel(name) == name {
            lines.append("\(Self.namespace)/\(name)=\(value)")
        } else {
            lines.append("# No name of a label: \(name)")
        }
    }

    /// A text with what labels may not have replaced or left out.
    private static func asLabel(_ text: String) -> String {
        let characters = text.unicodeScalars.prefix(maximumLength).map { scalar in
            scalar.isASCII && (isAlphanumeric(scalar) || "-_.".unicodeScalars.contains(scalar)) ? scalar : "_"
        }
        let start = characters.drop { !isAlphanumeric($0) }
        let end = start.lastIndex(where: isAlphanumeric).map { start.index(after: $0) } ?? start.startIndex
        return String(String.UnicodeScalarView(start[..<end]))
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": true
        default: false
        }
    }
}
