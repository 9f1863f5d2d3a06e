// SPDX-License-Identifier: Apache-2.0

import JSON

/// The member `featureMSRs` of a result.
struct FeatureMSRLines {
    private let lines: [String]

    init(_ reader: inout ObjectReader) throws(JSONShapeError) {
        var msrs = try reader.object("featureMSRs")
        var lines: [String] = []
        for index in msrs.object.keys {
            lines.append("   \(index): 0x\(hexadecimal(try msrs.hex64(index), digits: 16))")
        }
        self.lines = lines
    }

    /// Writes a title and a line for each, or nothing when there are none.
    func write(to page: inout Page) {
        guard !lines.isEmpty else { return }
        page.title("Feature MSRs of every vCPU")
        for line in lines { page.line(line) }
    }
}
