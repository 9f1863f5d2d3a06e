// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import X86CPU

extension TableDifference {
    /// What KVM did, as a sentence without its full stop.
    var sentence: String {
        let names = features.map { FeatureRegistry.shared.name(of: $0) }
        let what = names.isEmpty ? "\(wantText ?? "") became \(gotText ?? "")" : names.joined(separator: " ")
        return switch kind {
        case .droppedLeaf: "KVM dropped leaf \(placeText)"
        case .addedLeaf: "KVM added leaf \(placeText)"
        case .forcedOn: "KVM turned on \(what) in \(placeText)"
        case .forcedOff: "KVM turned off \(what) in \(placeText)"
        case .valueChanged: "in \(placeText) \(wantText ?? "") became \(gotText ?? "")"
        case .runtime: "\(placeText) follows the vCPU's state: \(wantText ?? "") became \(gotText ?? "")"
        }
    }

    /// What is not as it was recorded, as a sentence without its full stop. Nobody knows who did it.
    var driftSentence: String {
        let names = features.map { FeatureRegistry.shared.name(of: $0) }.joined(separator: " ")
        return switch kind {
        case .droppedLeaf: "leaf \(placeText) is gone"
        case .addedLeaf: "leaf \(placeText) has come"
        case .forcedOn where !names.isEmpty: "\(names) is on in \(placeText)"
        case .forcedOff where !names.isEmpty: "\(names) is off in \(placeText)"
        case .forcedOn, .forcedOff, .valueChanged, .runtime:
            "\(placeText) is \(gotText ?? ""), and should be \(wantText ?? "")"
        }
    }

    /// The leaf in hexadecimal; nil for an MSR.
    var leafText: String? { leafAndSubleaf.map { Self.hexadecimal(UInt64($0.0), width: 8) } }

    /// The subleaf in hexadecimal; nil for an MSR.
    var subleafText: String? { leafAndSubleaf.map { Self.hexadecimal(UInt64($0.1), width: 1) } }

    /// The register, or the MSR's index; nil for a whole entry.
    var registerText: String? {
        switch place {
        case .register(_, _, let register): register.description
        case .entry: nil
        case .msr(let index): "msr " + Self.hexadecimal(UInt64(index), width: 1)
        }
    }

    /// The value asked for; nil for a whole entry.
    var wantText: String? { valueText(want) }

    /// The value read back; nil for a whole entry.
    var gotText: String? { valueText(got) }

    private var placeText: String {
        [leafText.map { "\($0).\(subleafText ?? "0x0")" }, registerText].compactMap { $0 }.joined(separator: " ")
    }

    private var leafAndSubleaf: (UInt32, UInt32)? {
        switch place {
        case .register(let leaf, let subleaf, _), .entry(let leaf, let subleaf): (leaf, subleaf)
        case .msr: nil
        }
    }

    private func valueText(_ value: UInt64) -> String? {
        switch place {
        case .register: Self.hexadecimal(value, width: 8)
        case .msr: Self.hexadecimal(value, width: 16)
        case .entry: nil
        }
    }

    private static func hexadecimal(_ value: UInt64, width: Int) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
