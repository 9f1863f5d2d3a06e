// SPDX-License-Identifier: Apache-2.0

/// The steps that read the registers which CPUID bits depend on, from every vCPU of a VM.
///
/// They can be a job of their own or part of a longer one. Each waits for its vCPU to leave KVM_RUN, so a job with them
/// on a running vCPU takes as long as its owner needs to call the vCPU back.
public struct RegisterReading: Sendable {
    /// IA32_XSS, index 0xDA0: the supervisor state components in use.
    public static let xss: UInt32 = 0xDA0
    /// IA32_MISC_ENABLE, index 0x1A0: bit 18 MONITOR/MWAIT.
    public static let miscEnable: UInt32 = 0x1A0
    /// IA32_TSX_CTRL, index 0x122: bit 1 hides HLE and RTM from the guest's CPUID.
    public static let tsxControl: UInt32 = 0x122

    /// The steps, those of one vCPU together.
    public let steps: [JobStep]
    private let vcpuCount: Int

    /// A reading of that many vCPUs.
    ///
    /// - Parameters:
    ///   - ioctl: KVM_GET_SREGS2 unless the kernel lacks it.
    ///   - msrs: The MSRs to read. Each is a step of its own: KVM_GET_MSRS stops at the first that a vCPU does not have.
    public init(
        vcpuCount: Int, ioctl: JobStep.SystemRegistersIoctl = .sregs2,
        msrs: [UInt32] = [Self.xss, Self.miscEnable, Self.tsxControl]
    ) {
        self.vcpuCount = vcpuCount
        steps = (0..<vcpuCount).flatMap { vcpu in
            [JobStep(.getControlRegisters(ioctl), vcpu: vcpu), JobStep(.getXCRs, vcpu: vcpu)]
                + msrs.map { JobStep(.getMSRs([$0]), vcpu: vcpu) }
        }
    }

    /// What the steps told, by vCPU.
    ///
    /// - Parameter results: those of ``steps``, in the same order.
    public func registers(from results: some Sequence<JobResult>) -> [VCPURegisters] {
        var vcpus = [VCPURegisters](repeating: VCPURegisters(), count: vcpuCount)
        for (step, result) in zip(steps, results) {
            switch result {
            case .controlRegisters(let registers): vcpus[step.vcpu].control = registers
            case .xcr0(let value): vcpus[step.vcpu].xcr0 = value
            case .msrs(let values): vcpus[step.vcpu].msrs.merge(values) { $1 }
            case .failed(let errno): vcpus[step.vcpu].errno = vcpus[step.vcpu].errno ?? errno
            case .done, .table, .msrsWritten: break
            }
        }
        return vcpus
    }
}
