// SPDX-License-Identifier: Apache-2.0

import CPUModels
import GuestCPU
import X86CPU

/// Hosts made up for tests.
enum TestHosts {
    /// A host whose KVM offers every feature there is, with the XSAVE layout of a current Intel server.
    static func generous(_ vendor: CPUVendor, without missing: FeatureSet = []) -> HostCPU {
        var features = FeatureSet()
        for info in FeatureRegistry.shared.all { features.insert(info.feature) }
        features = features.subtracting(missing)
        var leaves: [UInt32: [UInt32: CPUIDEntry]] = [:]
        var msrs: [UInt32: UInt64] = [:]
        for word in FeatureWord.allCases {
            switch word.position {
            case .cpuid(let leaf, let subleaf, let register):
                var entry = leaves[leaf, default: [:]][subleaf.index] ?? CPUIDEntry(leaf, subleaf)
                entry[register] = UInt32(truncatingIfNeeded: features[word])
                leaves[leaf, default: [:]][subleaf.index] = entry
            case .msr(let index, let allowedOne):
                msrs[index] = allowedOne ? features[word] << 32 : features[word]
            }
        }
        var table = CPUIDTable(leaves.flatMap { $0.value.values })
        table.append(CPUIDEntry(0, eax: 0x24, ebx: vendor.ebx, ecx: vendor.ecx, edx: vendor.edx))
        table.append(CPUIDEntry(0x8000_0000, eax: 0x8000_0022))
        table = table.removing { $0.leaf == 0xD || $0.leaf == 0x8000_0008 }
        table.append(contentsOf: xsave)
        table.append(
            CPUIDEntry(
                0xD, .exact(1), eax: UInt32(truncatingIfNeeded: features[.leafD_1_eax]), ecx: 0x1800))
        table.append(
            CPUIDEntry(0x8000_0008, eax: 0x3934, ebx: UInt32(truncatingIfNeeded: features[.leaf80000008_ebx])))
        let signature = CPUSignature(family: 6, model: 143, stepping: 4)
        return HostCPU(
            identity: .init(vendor: vendor, signature: signature ?? CPUSignature(eax: 0)), supported: table,
            featureMSRs: msrs)
    }

    /// Intel SDM volume 1, 13.5: components 2, 5...7, 9, 17, 18 and the supervisor components 11 and 12.
    static let xsave: [CPUIDEntry] = [
        CPUIDEntry(0xD, .exact(0), eax: 0x602E7, ebx: 0x2B00, ecx: 0x2B00),
        CPUIDEntry(0xD, .exact(2), eax: 256, ebx: 576),
        CPUIDEntry(0xD, .exact(5), eax: 64, ebx: 1088),
        CPUIDEntry(0xD, .exact(6), eax: 512, ebx: 1152),
        CPUIDEntry(0xD, .exact(7), eax: 1024, ebx: 1664),
        CPUIDEntry(0xD, .exact(9), eax: 8, ebx: 2688),
        CPUIDEntry(0xD, .exact(11), eax: 16, ecx: 1),
        CPUIDEntry(0xD, .exact(12), eax: 24, ecx: 1),
        CPUIDEntry(0xD, .exact(17), eax: 64, ebx: 2752, ecx: 2),
        CPUIDEntry(0xD, .exact(18), eax: 8192, ebx: 2816, ecx: 6),
    ]

    /// What an expression means on a host, by a catalog of one small model.
    static func expand(_ expression: String, on host: HostCPU) throws -> ExpandedModel {
        let model = """
            [Model]
            Name=Small
            Vendor=\(host.identity.vendor)
            Family=6
            Model=106
            Stepping=0
            Level=13
            ExtendedLevel=0x80000008
            Description=A small CPU
            Features=fpu tsc msr pae cx8 apic cmov fxsr sse sse2 lm nx syscall xsave avx avx2 pku la57 xsaveopt

            """
        let catalog = try ModelCatalog(files: [("Small.cpumodel", Array(model.utf8))])
        return try catalog.expand(ModelExpression(parsing: expression), on: host)
    }

    /// The guest of an expression on a host.
    static func guest(
        _ expression: String = "Small", on host: HostCPU, topology: Topology, options: GuestCPU.Options = .init()
    ) throws -> GuestCPU {
        try GuestCPU(model: expand(expression, on: host), host: host, topology: topology, options: options)
    }
}
