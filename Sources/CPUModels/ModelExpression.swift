// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// A CPU as users of QEMU and libvirt write it: a model's name and changes to its features, as in
/// `EPYC-Milan-v2,-svm,+invtsc` or `host,avx512f=off`.
public struct ModelExpression: Sendable, Hashable, CustomStringConvertible {
    /// One feature turned on or off.
    public struct Change: Sendable, Hashable {
        /// The feature.
        public let feature: Feature
        /// Whether it is turned on.
        public let isOn: Bool
    }

    /// The model, version or alias; or `host`, all that can migrate of the host; or `max`, all of the host.
    public let base: String
    /// The changes, in the order written, each feature once.
    public let changes: [Change]

    /// Reads an expression. Whether the model exists is not known here.
    ///
    /// - Throws: ``ExpressionError`` about the first part that is wrong.
    public init(parsing text: String) throws(ExpressionError) {
        var parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Self.trimmed($0) }
        let base = parts.removeFirst()
        guard isIdentifier(base) else {
            throw ExpressionError(
                .syntax, base,
                base.isEmpty
                    ? "The expression must begin with the name of a model, host or max."
                    : "\"\(base)\" cannot be the name of a model.")
        }
        self.base = base
        var changes: [Change] = []
        for part in parts {
            let change = try Self.change(part)
            guard let earlier = changes.first(where: { $0.feature == change.feature }) else {
                changes.append(change)
                continue
            }
            guard earlier == change else {
                let name = FeatureRegistry.shared.name(of: change.feature)
                throw ExpressionError(.syntax, part, "The feature \(name) is turned both on and off.")
            }
        }
        self.changes = changes
    }

    /// The features turned on.
    public var added: FeatureSet { FeatureSet(changes.lazy.filter(\.isOn).map(\.feature)) }

    /// The features turned off.
    public var removed: FeatureSet { FeatureSet(changes.lazy.filter { !$0.isOn }.map(\.feature)) }

    /// The expression with the registry's names, in the form `Base,+on,-off`.
    public var description: String {
        ([base] + changes.map { ($0.isOn ? "+" : "-") + FeatureRegistry.shared.name(of: $0.feature) })
            .joined(separator: ",")
    }

    private static func change(_ part: String) throws(ExpressionError) -> Change {
        switch part.first {
        case nil: throw ExpressionError(.syntax, part, "There is nothing between two commas, or after the last.")
        case "+": return Change(feature: try feature(part.dropFirst(), part), isOn: true)
        case "-": return Change(feature: try feature(part.dropFirst(), part), isOn: false)
        default: break
        }
        guard let equals = part.firstIndex(of: "=") else {
            throw ExpressionError(.syntax, part, "Write +\(part) to turn a feature on, or -\(part) to turn it off.")
        }
        let feature = try feature(part[..<equals], part)
        switch part[part.index(after: equals)...] {
        case "on", "yes", "true": return Change(feature: feature, isOn: true)
        case "off", "no", "false": return Change(feature: feature, isOn: false)
        default: throw ExpressionError(.syntax, part, "In \"\(part)\", a feature is \"on\" or \"off\".")
        }
    }

    private static func feature(_ name: Substring, _ part: String) throws(ExpressionError) -> Feature {
        let name = String(name)
        if let why = QEMUProperties.whyNoFeature(name) { throw ExpressionError(.notAFeature, part, why) }
        guard let feature = FeatureRegistry.shared.feature(named: name) else {
            throw ExpressionError(
                .unknownFeature, part, suggestion: FeatureRegistry.shared.nearestName(to: name),
                "There is no feature \"\(name)\".")
        }
        if let reason = feature.reasonNotToStore {
            throw ExpressionError(.runtimeFeature, part, "The feature \(name) cannot be chosen: \(reason).")
        }
        return feature
    }

    private static func trimmed(_ text: Substring) -> String {
        let rest = text.drop { $0 == " " }
        return String(rest.reversed().drop { $0 == " " }.reversed())
    }
}

/// Properties that QEMU's `-cpu` takes beside features, and what stands in their place here.
private enum QEMUProperties {
    static func whyNoFeature(_ name: String) -> String? {
        switch name.lowercased() {
        case "level", "min-level", "xlevel", "min-xlevel", "xlevel2", "min-xlevel2", "level-func7", "min-level-func7":
            "\(name) is not a feature: the highest leaf follows from the features and the model's Level=."
        case "vendor", "family", "model", "stepping", "model-id":
            "\(name) is not a feature: it belongs to the model; define a model of your own to change it."
        case "phys-bits", "host-phys-bits", "host-phys-bits-limit", "guest-phys-bits":
            "\(name) is not a feature: the request's physicalAddressBits sets it."
        case "enforce", "check", "x-force-features":
            "\(name) is not a feature: the request's \"unavailable\" says what to do when the host lacks one."
        case "migratable": "\(name) is not a feature: write host for what can migrate, and max for everything."
        case "cores", "threads", "sockets", "dies", "l3-cache", "host-cache-info", "legacy-cache", "cpuid-0xb",
            "x-force-cpuid-0x1f", "x-l1-cache-per-thread":
            "\(name) is not a feature: topology and caches come from the request and the model."
        case "pmu", "lmce", "kvm", "tsc-frequency", "tcg-cpuid", "fill-mtrr-mask", "kvm-no-smi-migration",
            "kvm-pv-enforce-cpuid", "ucode-rev", "vmware-cpuid-freq", "avx10-version":
            "\(name) is a property of QEMU and not a feature."
        case let name where name.hasPrefix("hv-") || name.hasPrefix("hv_") || name.hasPrefix("xen-"):
            "\(name) is not a feature: leaves of other hypervisors are the VMM's to add."
        default: nil
        }
    }
}
