// SPDX-License-Identifier: Apache-2.0

import CPUModelAPI
public import JSON
import X86CPU

/// The result of `host.describe` for people: what the host is, and what its KVM offers.
public struct HostReport: Report {
    private let identity: [Page.Row]
    private let host: HostCPU

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        identity = try HostIdentity.rows(&reader)
        host = try HostDocument(reading: &reader).host
    }

    /// Writes it.
    public func write(to page: inout Page) {
        page.title("Host")
        page.rows(identity + [.init("Addresses", "\(host.physicalAddressBits) bits, physical")])
        write(host.grantable, "KVM can give a guest", to: &page)
        if !host.native.entries.isEmpty {
            // Bits without a name are mostly no features.
            let named = FeatureSet(table: host.native).intersection(FeatureRegistry.shared.named)
            write(named.subtracting(host.grantable), "The CPU has, and KVM does not offer", to: &page)
        }
        writeMSRs(to: &page)
    }

    private func write(_ features: FeatureSet, _ title: String, to page: inout Page) {
        let names = features.map(FeatureRegistry.shared.name(of:))
        guard !names.isEmpty else { return }
        page.title("\(title) \(counted(names.count, "feature"))")
        page.features(names)
    }

    private func writeMSRs(to page: inout Page) {
        guard !host.featureMSRs.isEmpty else { return }
        page.title("Feature MSRs")
        for (index, value) in host.featureMSRs.sorted(by: { $0.key < $1.key }) {
            page.line("   0x\(hexadecimal(UInt64(index), digits: 8)): 0x\(hexadecimal(value, digits: 16))")
        }
    }
}
