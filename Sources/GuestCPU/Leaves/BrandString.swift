// SPDX-License-Identifier: Apache-2.0

import CPUModels
import X86CPU

/// Leaves 0x80000002 to 4: the brand string, 48 bytes in EAX, EBX, ECX, EDX of each, padded with NUL.
enum BrandString {
    static func entries(_ inputs: LeafInputs) -> [CPUIDEntry] {
        let bytes = Array(inputs.model.description.utf8.prefix(47))
        func word(_ number: Int) -> UInt32 {
            (0..<4).reduce(0) { word, byte in
                let index = number * 4 + byte
                return index < bytes.count ? word | UInt32(bytes[index]) << (8 * UInt32(byte)) : word
            }
        }
        return (0..<3).map { leaf in
            CPUIDEntry(
                0x8000_0002 + UInt32(leaf), eax: word(leaf * 4), ebx: word(leaf * 4 + 1), ecx: word(leaf * 4 + 2),
                edx: word(leaf * 4 + 3))
        }
    }

    /// Who decides what is no feature.
    static let origins = [
        FieldOrigin(0x8000_0002...0x8000_0004, by: .model, "its brand string")
    ]
}
