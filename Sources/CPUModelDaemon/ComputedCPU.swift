// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import X86CPU

/// The CPU of a VM: made from the model alone, or laid over tables of the VMM's own.
enum ComputedCPU {
    case guest(GuestCPU)
    case overlay(Overlay)

    /// What the model alone gives.
    var guest: GuestCPU {
        switch self {
        case .guest(let guest): guest
        case .overlay(let overlay): overlay.guest
        }
    }

    /// The tables of all vCPUs.
    var tables: GuestTables {
        switch self {
        case .guest(let guest): guest.tables
        case .overlay(let overlay): overlay.tables
        }
    }

    /// Who decided the bits of one vCPU's table, and of the one that KVM holds, where that is known.
    func explanation(
        ofVCPU vcpu: Int, history: [CPUModelVersion], held: CPUIDTable? = nil, isWanted: (UInt32, UInt32) -> Bool
    ) -> GuestExplanation {
        switch self {
        case .guest(let guest):
            GuestExplanation(of: guest, vcpu: vcpu, history: history, held: held, isWanted: isWanted)
        case .overlay(let overlay):
            GuestExplanation(of: overlay, vcpu: vcpu, history: history, held: held, isWanted: isWanted)
        }
    }
}
