// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What the vCPUs of a VM were given, what they had before, and what KVM returned of them then.
///
/// vCPUs differ in nothing but their APIC ids as a rule, and where that is so, what is found of the first is true of all:
/// it is found once, and shared.
public struct ReadBack: Sendable {
    /// The tables asked for.
    public let wanted: VCPUTables
    /// The tables before, empty ones where none was set.
    public let before: VCPUTables
    /// The tables returned.
    public let got: VCPUTables

    /// What was read back of the same vCPUs in the same order.
    public init(wanted: VCPUTables, before: VCPUTables, got: VCPUTables) {
        self.wanted = wanted
        self.before = before
        self.got = got
    }

    /// Whether a vCPU's tables are those of the first but for its APIC ids, which are as they were asked for.
    public func isLikeFirst(vcpu: Int) -> Bool {
        got.isFirstButForAPICID(vcpu: vcpu, asIn: wanted) && before.isFirstButForAPICID(vcpu: vcpu)
    }

    /// What KVM was to return of one vCPU in this state.
    public func predicted(ofVCPU vcpu: Int, by rules: RuntimeRules, state: PartialVCPUState) -> UpdatedTable {
        rules.predicted(setting: wanted[vcpu], over: before[vcpu], state: state)
    }

    /// How what KVM returned of one vCPU differs from what was asked for, if the vCPU is in this state.
    public func differences(
        ofVCPU vcpu: Int, by rules: RuntimeRules, state: PartialVCPUState
    ) -> [TableDifference] {
        wanted[vcpu].differences(in: got[vcpu], predicting: predicted(ofVCPU: vcpu, by: rules, state: state))
    }

    /// The same of all vCPUs, if all of them are in one state.
    public func differences(by rules: RuntimeRules, state: PartialVCPUState) -> [[TableDifference]] {
        guard got.count > 0 else { return [] }
        let first = differences(ofVCPU: 0, by: rules, state: state)
        return (0..<got.count).map { vcpu in
            isLikeFirst(vcpu: vcpu) ? first : differences(ofVCPU: vcpu, by: rules, state: state)
        }
    }
}
