// SPDX-License-Identifier: Apache-2.0

import CKVM
public import Descriptors
import Glibc
public import X86CPU

/// `/dev/kvm`: what KVM says of the host. Its ioctls work in any process.
public struct KVMDevice: ~Copyable {
    private let descriptor: CInt

    /// Opens the device.
    public init(path: String = "/dev/kvm") throws(SystemError) {
        let kvm = unsafe try SystemError.check(ckvm_open(path), "Opening \(path)")
        let version = ckvm_api_version(kvm)
        guard version == KVM_API_VERSION else {
            close(kvm)
            throw SystemError(errno: version < 0 ? -version : ENOTSUP, operation: "KVM_GET_API_VERSION")
        }
        descriptor = kvm
    }

    deinit { close(descriptor) }

    /// KVM_GET_SUPPORTED_CPUID: what guests can be given. The APIC ids in it are those of the CPU that this ran on.
    public func supportedCPUID() throws(SystemError) -> CPUIDTable {
        unsafe try table("KVM_GET_SUPPORTED_CPUID") { unsafe ckvm_supported_cpuid(descriptor, $0, $1) }
    }

    /// KVM_GET_EMULATED_CPUID: what KVM can emulate slowly.
    public func emulatedCPUID() throws(SystemError) -> CPUIDTable {
        unsafe try table("KVM_GET_EMULATED_CPUID") { unsafe ckvm_emulated_cpuid(descriptor, $0, $1) }
    }

    /// KVM_GET_SUPPORTED_HV_CPUID: what KVM offers of Microsoft's hypervisor interface; nothing where it was built
    /// without, or has the ioctl for vCPUs only (before Linux 5.11).
    public func hyperVCPUID() -> CPUIDTable {
        unsafe (try? table("KVM_GET_SUPPORTED_HV_CPUID") { unsafe ckvm_supported_hv_cpuid(descriptor, $0, $1) })
            ?? CPUIDTable()
    }

    /// The feature MSRs, each with the most that KVM offers. One that is listed and cannot be read is left out.
    public func featureMSRs() throws(SystemError) -> [UInt32: UInt64] {
        let capacity: UInt32 = 1024
        var indices = [UInt32](repeating: 0, count: Int(capacity))
        let count = unsafe try SystemError.check(
            ckvm_feature_msr_indices(descriptor, &indices, capacity), "KVM_GET_MSR_FEATURE_INDEX_LIST")
        var values: [UInt32: UInt64] = [:]
        for index in indices.prefix(Int(count)) {
            var value: UInt64 = 0
            if unsafe ckvm_feature_msr(descriptor, index, &value) == 0 { values[index] = value }
        }
        return values
    }

    /// The capabilities that matter to CPU models, by name without `KVM_CAP_`.
    public func capabilities() -> [String: Int] {
        let asked: [(String, UInt32)] = [
            ("NR_VCPUS", 9), ("MAX_VCPUS", 66), ("ONE_REG", 70), ("TSC_DEADLINE_TIMER", 72), ("SYNC_REGS", 74),
            ("MAX_VCPU_ID", 128),
            ("X2APIC_API", 129), ("IMMEDIATE_EXIT", 136), ("X86_DISABLE_EXITS", 143), ("NESTED_STATE", 157),
            ("HYPERV_CPUID", 167), ("SMALLER_MAXPHYADDR", 185), ("ENFORCE_PV_FEATURE_CPUID", 190),
            ("SYS_HYPERV_CPUID", 191),
            ("XSAVE2", 208), ("DISABLE_QUIRKS2", 213), ("VM_TYPES", 235),
        ]
        return Dictionary(
            uniqueKeysWithValues: asked.map { ($0, max(0, Int(ckvm_check_extension(descriptor, $1)))) })
    }

    private func table(
        _ operation: String, _ fill: (UnsafeMutablePointer<kvm_cpuid_entry2>, UInt32) -> CInt
    ) throws(SystemError) -> CPUIDTable {
        let capacity = CPUIDTable.maximumCount
        var entries = [kvm_cpuid_entry2](repeating: kvm_cpuid_entry2(), count: capacity)
        let count = unsafe entries.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe fill($0, UInt32(capacity)) } ?? -ENOMEM
        }
        try SystemError.check(count, operation)
        return CPUIDTable(
            entries.prefix(Int(count)).map { entry in
                let subleaf: SubleafMatch = entry.flags & 1 != 0 ? .exact(entry.index) : .any
                return CPUIDEntry(
                    entry.function, subleaf, eax: entry.eax, ebx: entry.ebx, ecx: entry.ecx, edx: entry.edx)
            })
    }
}
