// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// Whether KVM may be asked to write a vCPU's registers into its run page.
///
/// On a VM whose registers are encrypted the request makes KVM_RUN fail with EINVAL (KVM_CAP_SYNC_REGS is 0 for it), and
/// only its creator can ask a VM whether it is one. So what cannot be excluded is left alone.
public enum RunPagePermission {
    /// Why not, as the rest of a sentence; nil where it may be asked.
    public static func refusal(host: HostCPU, table: CPUIDTable) -> String? {
        guard host.capabilities["SYNC_REGS", default: 0] & 1 << 1 != 0 else {
            return "this KVM writes no registers into the run page"
        }
        let types = host.capabilities["VM_TYPES", default: 0]
        if types & 1 << 5 != 0 {
            return "this host can run TDX guests, which cannot be told from others from outside"
        }
        // SEV and SEV-ES: 0x8000001F.EAX[1] and [3] (AMD APM volume 3, E.4.17). A guest needs them to use encryption.
        if table.value(0x8000_001F, 0, .eax) & 0b1010 != 0 {
            return "the guest's registers may be encrypted (SEV)"
        }
        return nil
    }
}
