// SPDX-License-Identifier: Apache-2.0

public import X86CPU

/// The size of an XSAVE area, from the component subleaves of leaf 0xD (Intel SDM volume 1, 13.4).
public struct XSAVESize: Sendable, Hashable {
    private struct Component: Sendable, Hashable {
        let mask: UInt64
        let size, offset: UInt32
        let isAligned: Bool
    }

    /// In order of their numbers, which is that of the compacted layout.
    private let components: [Component]

    /// Legacy region and header.
    private static let minimum: UInt32 = 0x240

    /// Sizes by the components that the table describes.
    public init(table: CPUIDTable) {
        components = (2..<63).compactMap { number in
            table[0xD, UInt32(number)].map {
                Component(mask: 1 << UInt64(number), size: $0.eax, offset: $0.ebx, isAligned: $0.ecx & 2 != 0)
            }
        }
    }

    /// The sizes that KVM uses on a host: those of the CPU itself, because XSAVE runs natively, whatever a guest's
    /// table says (Linux, `xstate_required_size`).
    public init(host: HostCPU) {
        self.init(table: host.native[0xD, 2] == nil ? host.supported : host.native)
    }

    /// Bytes of the standard layout for these components.
    public func standard(_ mask: UInt64) -> UInt32 {
        components.reduce(Self.minimum) { $1.mask & mask == 0 ? $0 : max($0, $1.offset &+ $1.size) }
    }

    /// Bytes of the compacted layout for these components.
    public func compacted(_ mask: UInt64) -> UInt32 {
        components.reduce(Self.minimum) { size, component in
            guard component.mask & mask != 0 else { return size }
            return (component.isAligned ? (size &+ 63) & ~63 : size) &+ component.size
        }
    }
}
