// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import X86CPU

/// Which vCPUs of one VM may use a feature: by the record where that is enough, else by the running vCPUs.
struct FeatureSurvey {
    let record: VMRecord
    /// The features that stay as they are, with the number of vCPUs that have them.
    let sets: [(features: FeatureSet, vcpus: Int)]
    let recordAgeMs: Int64

    /// Whether the feature comes and goes with the guest's state, so that only the running vCPU can tell.
    func isRuntime(_ feature: Feature) -> Bool {
        if RuntimeFeature(feature) != nil { return true }
        // IA32_ARCH_CAPABILITIES bit 7: the guest has IA32_TSX_CTRL, by which it can hide both from itself.
        let hasTSXControl = record.featureMSRs[0x10A, default: 0] & 1 << 7 != 0
        return (feature == .hle || feature == .rtm) && hasTSXControl
    }

    /// A feature that stays as it is, by the record.
    func recorded(_ feature: Feature) -> FeatureHolding {
        let count = sets.reduce(0) { $0 + ($1.features.contains(feature) ? $1.vcpus : 0) }
        return FeatureHolding(feature, isRuntime: false, vcpus: count, source: .record, ageMs: recordAgeMs)
    }

    /// Any feature, by what is known of the vCPUs right now.
    func live(_ feature: Feature, _ vcpus: [CapsResult.VCPU]) -> FeatureHolding {
        let isRuntime = isRuntime(feature)
        var holding = FeatureHolding(feature, isRuntime: isRuntime, vcpus: 0, source: .kernel, ageMs: 0)
        for vcpu in vcpus {
            let value = isRuntime ? runtimeValue(of: feature, in: vcpu) : staticValue(of: feature, in: vcpu)
            if !value.missing.isEmpty {
                holding.unknown += 1
            } else if value.content == .flag(true) {
                holding.vcpus += 1
            }
            if Self.rank(value.source) > Self.rank(holding.source) { holding.source = value.source }
            holding.ageMs = holding.ageMs.flatMap { age in value.ageMs.map { max(age, $0) } }
        }
        return holding
    }

    private func runtimeValue(of feature: Feature, in vcpu: CapsResult.VCPU) -> LiveValue {
        switch RuntimeFeature(feature).flatMap({ Self.fields[$0] }) {
        case .some(let field):
            // A table without the leaf has not the feature, in no state.
            return vcpu.runtime.first { $0.field == field }?.value
                ?? staticValue(of: feature, in: vcpu)
        case nil:
            let isShown = vcpu.features.contains(feature)
            let control = vcpu.registers.first { $0.name == "tsxControl" }?.value
            // What the vCPU was not given no state brings back.
            guard isShown || control != nil else { return staticValue(of: feature, in: vcpu) }
            return LiveValue(
                .flag(isShown), from: control?.source ?? .record, ageMs: control?.ageMs ?? recordAgeMs,
                missing: control == nil ? [.tsxControl] : [])
        }
    }

    private func staticValue(of feature: Feature, in vcpu: CapsResult.VCPU) -> LiveValue {
        let isLive = vcpu.source == .kernel
        return LiveValue(
            .flag(vcpu.features.contains(feature)), from: isLive ? .kernel : .record,
            ageMs: isLive ? vcpu.runtime.compactMap(\.value.ageMs).max() : recordAgeMs)
    }

    private static let fields: [RuntimeFeature: RuntimeField] = [
        .osxsave: .osxsave, .apic: .apic, .mwait: .mwait, .ospke: .ospke,
    ]

    private static func rank(_ source: LiveSource) -> Int {
        switch source {
        case .kernel: 0
        case .runPage: 1
        case .record: 2
        }
    }
}
