// SPDX-License-Identifier: Apache-2.0

public import Descriptors

/// A file descriptor known to be a KVM vCPU, with the vCPU's id.
public struct VCPUDescriptor: Sendable {
    /// The descriptor.
    public let descriptor: SharedDescriptor
    /// The id given to KVM_CREATE_VCPU: with a local APIC in the kernel, the vCPU's initial APIC id.
    public let id: UInt32

    /// Identifies a descriptor by what it links to: `anon_inode:kvm-vcpu:N` and nothing else.
    ///
    /// No file can have that name: those of files begin with a slash. No ioctl is made, since on a descriptor of
    /// another kind it could do anything.
    public init(identifying descriptor: SharedDescriptor) throws(NotAVCPU) {
        guard let id = DescriptorLink.number(behind: "anon_inode:kvm-vcpu:", of: descriptor.number) else {
            throw NotAVCPU(found: Self.words(for: DescriptorLink.name(of: descriptor.number)))
        }
        // The last descriptor of a VM takes the VM along.
        descriptor.judge(.finite)
        self.descriptor = descriptor
        self.id = id
    }

    private static func words(for link: String) -> String {
        switch link {
        case "": "a descriptor that cannot be identified"
        case "anon_inode:kvm-vm": "the descriptor of a VM"
        case "/dev/kvm": "/dev/kvm"
        case _ where link.hasPrefix("anon_inode:kvm-vcpu-stats:"): "the statistics of a vCPU"
        case _ where link.hasPrefix("pipe:"): "a pipe"
        case _ where link.hasPrefix("socket:"): "a socket"
        case _ where link.hasPrefix("/"): "the file \(link)"
        default: link
        }
    }
}

/// A descriptor that is no vCPU.
public struct NotAVCPU: Error, Sendable, Hashable {
    /// What it is, in words.
    public let found: String
}
