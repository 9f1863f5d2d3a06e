// SPDX-License-Identifier: Apache-2.0

import GuestCPU
import KVM

extension PartialVCPUState {
    /// The state by the registers that KVM told; what it did not tell, and the settings of the VM, which nobody can ask
    /// for, stay unknown.
    init(_ registers: VCPURegisters) {
        self.init()
        cr4 = registers.control?.cr4
        apicBase = registers.control?.apicBase
        xcr0 = registers.xcr0
        xss = registers.msrs[RegisterReading.xss]
        miscEnable = registers.msrs[RegisterReading.miscEnable]
        tsxControl = registers.msrs[RegisterReading.tsxControl]
    }
}
