// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// What is odd about a guest's CPU, and stays.
public enum GuestCPUNote: Sendable, Hashable, CustomStringConvertible {
    /// The guest gets a feature and cannot make sense of it, since it lacks another.
    case pointless(Feature, without: Feature)
    /// The guest is told of fewer physical address bits than the host has, and KVM does not make up for the difference.
    ///
    /// The CPU walks the guest's page tables itself, by the host's width: a bit of an entry that is reserved by the
    /// guest's width and not by the host's raises no page fault, or one without the error code's bit RSVD. KVM corrects
    /// that where KVM_CAP_SMALLER_MAXPHYADDR says so: with kvm_intel's parameter `allow_smaller_maxphyaddr`, at the
    /// price of intercepting page faults, and without EPT or NPT, where KVM walks the tables (Linux,
    /// Documentation/virt/kvm/api.rst and arch/x86/kvm/vmx/vmx.c). With NPT it cannot: that CPU sets accessed and dirty
    /// bits before KVM sees the access.
    case narrowAddresses(guest: UInt8, host: UInt8)

    /// A sentence for a person.
    public var description: String {
        let registry = FeatureRegistry.shared
        return switch self {
        case .pointless(let feature, let without):
            "\(registry.name(of: feature)) means nothing to a guest without \(registry.name(of: without))."
        case .narrowAddresses(let guest, let host):
            "The guest is told of \(guest) physical address bits and the CPU checks \(host): bits \(guest) to "
                + "\(host - 1) of its page table entries, reserved to the guest, raise no reserved-bit page fault, "
                + "since this host's KVM does not make up for that (KVM_CAP_SMALLER_MAXPHYADDR; on Intel load "
                + "kvm_intel with allow_smaller_maxphyaddr=1). Ordinary guests do not depend on it; hypervisors in "
                + "the guest may."
        }
    }
}

extension GuestCPUNote {
    /// The note on a width of physical addresses, if there is something to note.
    static func onWidth(_ width: UInt8, host: HostCPU) -> [GuestCPUNote] {
        guard width < host.physicalAddressBits, host.capabilities["SMALLER_MAXPHYADDR", default: 0] == 0 else {
            return []
        }
        return [.narrowAddresses(guest: width, host: host.physicalAddressBits)]
    }
}
