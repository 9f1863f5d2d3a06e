// SPDX-License-Identifier: Apache-2.0

import JSON

/// What a host says of itself.
enum HostIdentity {
    /// What is known of it.
    static func rows(_ host: inout ObjectReader) throws(JSONShapeError) -> [Page.Row] {
        var rows: [Page.Row] = []
        func add(_ label: String, _ text: String?) {
            if let text, !text.isEmpty { rows.append(.init(label, text)) }
        }
        add("CPU", try host.optionalString("brand"))
        add("Vendor", "\(try host.string("vendor")), \(try host.signature())")
        if let microcode = try host.optionalHex32("microcode"), microcode != 0 {
            add("Microcode", "0x" + String(microcode, radix: 16))
        }
        add("Kernel", try host.optionalString("kernel"))
        add("KVM module", try host.optionalString("module"))
        return rows
    }
}
