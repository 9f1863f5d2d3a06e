// SPDX-License-Identifier: Apache-2.0

/// What a Firecracker bitmap says of a register: which bits become 0 or 1, and which stay.
public struct BitPattern: Sendable, Hashable {
    /// The bits that the pattern sets or clears.
    public let mask: UInt64
    /// Their values; 0 outside ``mask``.
    public let value: UInt64

    /// A pattern that gives the bits of a mask these values.
    public init(mask: UInt64, value: UInt64) {
        self.mask = mask
        self.value = value & mask
    }

    /// Reads a bitmap such as `0b01xx`, the highest bit first; `_` may stand between digits. Where it is shorter than
    /// the register, the bits above stay.
    ///
    /// - Returns: nil when the text is none, or has more digits than the register has bits.
    init?(parsing text: String, width: Int) {
        guard text.hasPrefix("0b") else { return nil }
        var mask: UInt64 = 0
        var value: UInt64 = 0
        var count = 0
        for byte in text.utf8.dropFirst(2) where byte != UInt8(ascii: "_") {
            mask <<= 1
            value <<= 1
            count += 1
            guard count <= width else { return nil }
            switch byte {
            case UInt8(ascii: "0"): mask |= 1
            case UInt8(ascii: "1"): (mask, value) = (mask | 1, value | 1)
            case UInt8(ascii: "x"): break
            default: return nil
            }
        }
        guard count > 0 else { return nil }
        self.init(mask: mask, value: value)
    }

    /// The bitmap for a register of so many bits.
    func text(width: Int) -> String {
        let digits = (0..<width).reversed().map { bit -> Character in
            guard mask >> UInt64(bit) & 1 == 1 else { return "x" }
            return value >> UInt64(bit) & 1 == 1 ? "1" : "0"
        }
        return "0b" + String(digits)
    }

    /// The register after the pattern.
    public func applied(to register: UInt64) -> UInt64 { register & ~mask | value }

    /// Whether the pattern leaves nothing of a register of so many bits as it was.
    func isTotal(width: Int) -> Bool { mask == (width == 64 ? .max : (1 << UInt64(width)) - 1) }
}
