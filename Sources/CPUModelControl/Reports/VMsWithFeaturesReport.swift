// SPDX-License-Identifier: Apache-2.0

public import JSON

/// The result of `vm.list` for people who asked which VMs may use some features.
public struct VMsWithFeaturesReport: Report {
    private let rows: [[Cell]]

    /// Takes what is to be shown.
    public init(reading reader: inout ObjectReader) throws(JSONShapeError) {
        let vms = try reader.objects("vms") { (vm) throws(JSONShapeError) in
            let name = try vm.string("vm")
            let model = try vm.string("model")
            let vcpus = try vm.integer("vcpuCount")
            return try FeatureHoldings("with", &vm).rows(ofVCPUs: vcpus).map { [Cell(name)] + $0 + [Cell(model)] }
        }
        rows = vms.flatMap { $0 }
    }

    /// Writes it.
    public func write(to page: inout Page) {
        guard !rows.isEmpty else { return page.sentence("No registered VM may use that.") }
        page.table(["VM"] + FeatureHoldings.headings + ["MODEL"], rows)
    }
}
