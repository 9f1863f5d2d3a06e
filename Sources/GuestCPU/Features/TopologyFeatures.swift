// SPDX-License-Identifier: Apache-2.0

import X86CPU

/// Features that say what the topology is.
enum TopologyFeatures {
    /// HTT (1.EDX[28]) tells that 1.EBX[23:16] is valid, which is so from two logical CPUs a package on (Intel SDM
    /// volume 2, CPUID, leaf 1). On AMD, CMP_LEGACY (0x80000001.ECX[1]) tells with HTT that these are cores and not
    /// threads (AMD APM volume 3, E.4.2).
    static func decide(_ features: inout FeatureSet, topology: Topology, vendor: CPUVendor) {
        features.remove(.ht)
        features.remove(.cmpLegacy)
        guard topology.logicalCPUs(in: .socket) > 1 else { return }
        features.insert(.ht)
        if vendor.isAMDLike { features.insert(.cmpLegacy) }
    }
}
