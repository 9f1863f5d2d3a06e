// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
import GuestCPU
import KVM
import X86CPU

/// Makes of what was learnt about one vCPU what it may use right now.
///
/// KVM's own table is taken as it is. Without it the table that was read back when it was applied is brought up to date by
/// KVM's rules, as far as registers are known; what depends on others says which.
struct LiveCaps {
    let record: VMRecord
    let host: HostCPU
    let rules: RuntimeRules
    /// When the answer is made.
    let now: ContinuousClock.Instant
    /// How old the record is.
    let recordAgeMs: Int64
    /// Whether to work out all features, which takes the most time.
    var tellsFeatures = true

    /// What one vCPU may use.
    func vcpu(_ index: Int, _ sighting: VCPUSighting) -> CapsResult.VCPU {
        let stored = record.tables[index]
        var vcpu = CapsResult.VCPU(index: index, vcpuID: record.report.vcpus[index].vcpuID, source: .record)
        vcpu.unavailable = sighting.unavailable
        let (table, state): (CPUIDTable, PartialVCPUState)
        if let (reading, time) = sighting.kernel {
            vcpu.source = .kernel
            (table, state) = (reading.table, PartialVCPUState(reading.registers))
            let age = age(since: time)
            vcpu.registers = registers(state, efer: reading.registers.control?.efer) { _ in (.kernel, age) }
            vcpu.runtime = fields(of: table) { _ in (.kernel, age, []) }
        } else {
            let pageAge = sighting.page?.since.map(age(since:))
            var known = PartialVCPUState()
            known.cr4 = sighting.page?.cr4
            known.apicBase = sighting.page?.apicBase ?? sighting.apicBase
            // An APIC base without the other registers is of any earlier return of KVM_RUN.
            let apicAge = sighting.page == nil ? nil : pageAge
            let updated = rules.updated(stored, state: known)
            (table, state) = (updated.table, known)
            if sighting.page != nil { vcpu.source = .runPage }
            vcpu.registers = registers(known, efer: nil) {
                ($0 == "apicBase" ? (.runPage, apicAge) : (.runPage, pageAge))
            }
            vcpu.runtime = fields(of: table) { field in
                switch field {
                case .osxsave, .ospke:
                    known.cr4 == nil ? (.record, recordAgeMs, [.cr4]) : (.runPage, pageAge, [])
                case .apic:
                    known.apicBase == nil ? (.record, recordAgeMs, [.apicBase]) : (.runPage, apicAge, [])
                default:
                    (.record, recordAgeMs, updated.unknown.filter { $0.field == field }.flatMap(\.missing))
                }
            }
        }
        guard tellsFeatures else { return vcpu }
        let msrs = sighting.kernel?.reading.featureMSRs ?? record.featureMSRs(ofVCPU: index)
        vcpu.features = features(of: table, state: state).union(FeatureSet(table: CPUIDTable(), msrs: msrs))
        return vcpu
    }

    /// What KVM lets the vCPU use, and of that what comes and goes as it is now.
    private func features(of table: CPUIDTable, state: PartialVCPUState) -> FeatureSet {
        var features = VCPU(table: table, host: host).snapshot.features
        let shown = FeatureSet(table: table)
        for runtime in RuntimeFeature.allCases where runtime != .mwait && shown.contains(runtime.feature) {
            features.insert(runtime.feature)
        }
        // IA32_TSX_CTRL bit 1: the guest's CPUID does not show them, and they abort at once.
        if let control = state.tsxControl, control & 1 << 1 != 0 {
            features.remove(.hle)
            features.remove(.rtm)
        }
        if CPUVendor(table: table)?.isAMDLike == true {
            // AMD's CPUs repeat bits of 1.EDX there, under no name of their own.
            features[.leaf80000001_edx] &= ~(UInt64(CPUVendor.repeatedLeaf1EDX) & features[.leaf1_edx])
        }
        return features
    }

    private func fields(
        of table: CPUIDTable, known: (RuntimeField) -> (LiveSource, Int64?, [VCPUStateSource])
    ) -> [(RuntimeField, LiveValue)] {
        CapsResult.fields.compactMap { field in
            guard let content = Self.content(of: field, in: table) else { return nil }
            let (source, age, missing) = known(field)
            return (field, LiveValue(content, from: source, ageMs: age, missing: missing))
        }
    }

    private static func content(of field: RuntimeField, in table: CPUIDTable) -> LiveValue.Content? {
        func flag(_ leaf: UInt32, _ register: CPUIDRegister, _ bit: UInt32) -> LiveValue.Content? {
            table[leaf, 0].map { .flag($0[register] & 1 << bit != 0) }
        }
        switch field {
        case .osxsave: return flag(1, .ecx, 27)
        case .apic: return flag(1, .edx, 9)
        case .mwait: return flag(1, .ecx, 3)
        case .ospke: return flag(7, .ecx, 4)
        case .xsaveSize: return table[0xD, 0].map { .bytes($0.ebx) }
        case .compactedSize: return table[0xD, 1].flatMap { $0.eax & 0b1010 == 0 ? nil : .bytes($0.ebx) }
        case .pvUnhalt: return table.kvmFeatures.map { .flag($0 & 1 << 7 != 0) }
        case .xenTSC, .enclaveXCR0: return nil
        }
    }

    private func registers(
        _ state: PartialVCPUState, efer: UInt64?, source: (String) -> (LiveSource, Int64?)
    ) -> [(String, LiveValue)] {
        let values: [(String, UInt64?)] = [
            ("cr4", state.cr4), ("efer", efer), ("apicBase", state.apicBase), ("xcr0", state.xcr0), ("xss", state.xss),
            ("miscEnable", state.miscEnable), ("tsxControl", state.tsxControl),
        ]
        return values.compactMap { name, value in
            let (source, age) = source(name)
            return value.map { (name, LiveValue(.register($0), from: source, ageMs: age)) }
        }
    }

    private func age(since time: ContinuousClock.Instant) -> Int64 { max(0, Int64((now - time) / .milliseconds(1))) }
}

extension CPUIDTable {
    /// EAX of KVM's feature leaf, which is found by the signature of the leaf before it; nil where there is none.
    fileprivate var kvmFeatures: UInt32? {
        let base = entries.first {
            0x4000_0000..<0x4001_0000 ~= $0.leaf && $0.leaf & 0xFF == 0 && $0.ebx == 0x4B4D_564B
                && $0.ecx == 0x564B_4D56
                && $0.edx == 0x4D
        }
        return base.flatMap { self[$0.leaf | 1]?.eax }
    }
}
