// SPDX-License-Identifier: Apache-2.0

/// Display family, display model and stepping, as leaf 1 returns them in EAX.
///
/// Intel SDM volume 2, CPUID, "Version Information"; AMD APM volume 3, appendix E. Zhaoxin uses the extended model in
/// family 7, too, and nobody has families 8 to 14, so that from family 6 on it always counts, as in Linux
/// (`x86_model`).
public struct CPUSignature: Sendable, Hashable, CustomStringConvertible {
    /// Base family plus, where that is 0xF, the extended family: 0...270.
    public var family: UInt32
    /// Base model and, from family 6 on, the extended model in the high digit: 0...255.
    public var model: UInt32
    /// Stepping: 0...15.
    public var stepping: UInt32

    /// A signature from its parts; nil when one is out of range.
    public init?(family: UInt32, model: UInt32, stepping: UInt32) {
        guard family <= 0xF + 0xFF, model <= 0xFF, stepping <= 0xF else { return nil }
        guard model <= 0xF || family >= 6 else { return nil }
        self.family = family
        self.model = model
        self.stepping = stepping
    }

    /// The signature that EAX of leaf 1 encodes; processor type and reserved bits are ignored.
    public init(eax: UInt32) {
        let baseFamily = eax >> 8 & 0xF
        family = baseFamily == 0xF ? 0xF + (eax >> 20 & 0xFF) : baseFamily
        model = (eax >> 4 & 0xF) | (baseFamily >= 6 ? (eax >> 16 & 0xF) << 4 : 0)
        stepping = eax & 0xF
    }

    /// EAX of leaf 1: stepping [3:0], model [7:4], family [11:8], extended model [19:16], extended family [27:20].
    public var eax: UInt32 {
        let extendedFamily = family > 0xF ? family - 0xF : 0
        return stepping | (model & 0xF) << 4 | min(family, 0xF) << 8 | (model >> 4) << 16 | extendedFamily << 20
    }

    /// Family, model and stepping in decimal, separated by slashes, for example `6/106/0`.
    public var description: String { "\(family)/\(model)/\(stepping)" }
}
