// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Who decided whether a guest has a feature.
struct FeatureDecisions {
    private let guest: GuestCPU
    private let model: ExpandedModel
    /// The versions of the model up to the guest's; empty for `host` and `max`.
    private let history: [CPUModelVersion]
    private let unavailable: [Feature: UnavailableFeature.Reason]
    private let withheld: [Feature: UnavailableFeature.Reason]
    private let fell: [Feature: [Feature]]

    init(_ guest: GuestCPU, history: [CPUModelVersion]) {
        self.guest = guest
        model = guest.model
        self.history = history.filter { $0.number <= guest.model.base?.number ?? 0 }
        func reasons(_ list: [UnavailableFeature]) -> [Feature: UnavailableFeature.Reason] {
            Dictionary(list.map { ($0.feature, $0.reason) }) { first, _ in first }
        }
        unavailable = reasons(model.unavailable)
        withheld = reasons(guest.withheld)
        // What fell when the expression took something away, and what it missed then.
        let whole = model.definition.subtracting(model.defaultsRemoved).union(model.defaultsAdded)
            .union(model.expressionAdded)
        let closure = FeatureRegistry.shared.dependencies.closing(whole.subtracting(Self.namedRemovals(model)))
        fell = Dictionary(closure.removed.map { ($0.feature, $0.missing) }) { first, _ in first }
    }

    /// The features that the expression itself names with a minus.
    private static func namedRemovals(_ model: ExpandedModel) -> FeatureSet {
        (try? ModelExpression(parsing: model.expression))?.removed ?? FeatureSet()
    }

    func decision(for feature: Feature) -> Decision {
        guest.features.contains(feature) ? whyOn(feature) : whyOff(feature)
    }

    private func whyOn(_ feature: Feature) -> Decision {
        if GrantableFeatures.decidedByVM(vendor: model.vendor).contains(feature), feature != .kvmHintDedicated {
            return Decision(.topology, "there are several logical CPUs in a package")
        }
        if model.expressionAdded.contains(feature) { return Decision(.owner, "the expression asks for it") }
        if model.defaultsAdded.contains(feature) { return Decision(.hypervisor, "every guest of KVM has it") }
        guard model.base != nil else { return Decision(.host, "the host offers it") }
        return Decision(.model, "\(modelName) has it\(since(feature, has: true))")
    }

    private func whyOff(_ feature: Feature) -> Decision {
        if feature == .osxsave || feature == .ospke {
            return Decision(.runtime, "the vCPU's state decides, and at reset it is off")
        }
        if let reason = unavailable[feature] { return unavailableDecision(feature, reason) }
        if let reason = withheld[feature] { return withheldDecision(feature, reason) }
        if GrantableFeatures.decidedByVM(vendor: model.vendor).contains(feature) {
            return Decision(.topology, "there is one logical CPU in a package, or nobody asked")
        }
        if model.expressionRemoved.contains(feature) {
            guard let missing = fell[feature] else { return Decision(.owner, "the expression takes it away") }
            return Decision(.dependency, "it needs \(names(missing)), which the expression takes away")
        }
        if model.defaultsRemoved.contains(feature) {
            return Decision(.hypervisor, "\(modelName) has it, but no guest of KVM does unless the expression asks")
        }
        if model.dormant.contains(feature) {
            return Decision(.dependency, "\(modelName) has it, but nobody asked for what it needs")
        }
        if model.base == nil {
            return Decision(.host, "the host does not offer it to guests that are to look like it")
        }
        return Decision(.model, "\(modelName) does not have it\(since(feature, has: false))")
    }

    private func unavailableDecision(_ feature: Feature, _ reason: UnavailableFeature.Reason) -> Decision {
        let text = UnavailableFeature(feature: feature, reason: reason).reasonText
        switch reason {
        case .needs, .conflicts: return Decision(.dependency, text)
        default: return Decision(.host, "\(wanter(feature)); \(text)")
        }
    }

    private func withheldDecision(_ feature: Feature, _ reason: UnavailableFeature.Reason) -> Decision {
        let text = UnavailableFeature(feature: feature, reason: reason).reasonText
        switch reason {
        case .needsOption, .beyondLevel: return Decision(.owner, text)
        case .notComputed: return Decision(.hypervisor, text)
        case .needs, .conflicts: return Decision(.dependency, text)
        default: return Decision(.host, "\(wanter(feature)); \(text)")
        }
    }

    private func wanter(_ feature: Feature) -> String {
        model.expressionAdded.contains(feature) ? "the expression asks for it" : "\(modelName) asks for it"
    }

    private var modelName: String { model.base?.modelName ?? model.name }

    /// The version from which on the model has, or has not, had the feature; nothing where that is the first.
    private func since(_ feature: Feature, has: Bool) -> String {
        guard let first = history.lastIndex(where: { $0.features.contains(feature) != has }) else { return "" }
        let next = history.index(after: first)
        return next < history.endIndex ? " since version \(history[next].number)" : ""
    }

    private func names(_ features: [Feature]) -> String {
        features.map { FeatureRegistry.shared.name(of: $0) }.joined(separator: " or ")
    }
}
